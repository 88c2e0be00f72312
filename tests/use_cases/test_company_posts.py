"""Posts and accounts of companies: what goes out through which account, and who may still act."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from app.companies import companies
from app.delivery.settle import Dispatched
from app.domain.companies import Role
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.post import Account, Post
from app.posts import drafts, schedule
from app.store.accounts import accounts
from app.store.posts import queries
from app.store.posts.queries import PostFilter
from app.store.schema.tables import new_id
from tests.support.world import IN_TEN_MINUTES, USER, World

EDITOR, VIEWER, BOSS = "editor-1", "viewer-1", "boss-1"


@dataclass
class Firm:
    """A company of BOSS, with an editor, a viewer and two clients. USER edits too, and has an account of their own."""

    world: World
    company: str
    one: str
    other: str

    def connect(self, external_id: str, client: str | None = None, user: str = EDITOR, **more: Any) -> Account:
        values = {
            "platform": "linkedin",
            "external_id": external_id,
            "access_token": "token",
            "company_id": self.company,
        }
        return drafts.connect_account(self.world.deps, user, values | {"client_id": client} | more)

    def draft(self, client: str | None = None, user: str = USER, **more: Any) -> Post:
        return self.world.draft(user=user, company_id=self.company, client_id=client, **more)

    def put(self, user: str, role: Role) -> None:
        companies.put_member(self.world.deps, BOSS, self.company, user, role)

    def remove(self, user: str) -> None:
        companies.remove_member(self.world.deps, BOSS, self.company, user)


@pytest.fixture
def firm(world: World) -> Firm:
    company = companies.create_company(world.deps, BOSS, "Firm").id
    clients = [companies.create_client(world.deps, BOSS, company, name).id for name in ("One", "Other")]
    made = Firm(world, company, *clients)
    for user, role in ((EDITOR, Role.EDITOR), (VIEWER, Role.VIEWER), (USER, Role.EDITOR)):
        made.put(user, role)
    return made


def code_of(error: pytest.ExceptionInfo[Any]) -> tuple[str, list[str]]:
    return error.value.code, [field.field for field in error.value.errors]


def test_a_companys_post_takes_the_companys_only_account_and_not_its_authors(firm: Firm):
    account = firm.connect("page")
    assert firm.world.schedule(firm.draft()).post.social_account_id == account.id
    assert firm.world.scheduled().social_account_id == firm.world.account.id


def test_a_companys_post_never_takes_its_authors_own_account(firm: Firm):
    with pytest.raises(Invalid) as refused:
        firm.world.schedule(firm.draft())
    assert code_of(refused) == ("account_missing", ["socialAccountId"])
    with pytest.raises(Invalid) as refused:
        firm.draft(social_account_id=firm.world.account.id)
    assert code_of(refused) == ("account_missing", ["socialAccountId"])


def test_a_personal_post_never_takes_a_companys_account(firm: Firm):
    shared = firm.connect("page")
    with pytest.raises(Invalid) as refused:
        firm.world.draft(social_account_id=shared.id)
    assert code_of(refused) == ("account_missing", ["socialAccountId"])


def test_a_clients_post_takes_the_clients_account_and_else_the_companys(firm: Firm):
    shared = firm.connect("page")
    assert firm.world.schedule(firm.draft(firm.one)).post.social_account_id == shared.id
    own = firm.connect("page-of-one", firm.one)
    assert firm.world.schedule(firm.draft(firm.one)).post.social_account_id == own.id
    assert firm.world.schedule(firm.draft(firm.other)).post.social_account_id == shared.id
    assert firm.world.schedule(firm.draft()).post.social_account_id == shared.id
    named = firm.draft(firm.one, social_account_id=shared.id)
    assert firm.world.schedule(named).post.social_account_id == shared.id


def test_a_clients_post_goes_through_no_other_clients_account(firm: Firm):
    theirs = firm.connect("page-of-other", firm.other)
    with pytest.raises(Invalid) as refused:
        firm.draft(firm.one, social_account_id=theirs.id)
    assert code_of(refused) == ("account_missing", ["socialAccountId"])
    with pytest.raises(Invalid):
        firm.draft(social_account_id=theirs.id)
    with pytest.raises(Invalid):
        firm.world.schedule(firm.draft(firm.one))


def test_with_several_accounts_of_a_client_the_author_must_say_which(firm: Firm):
    firm.connect("page-1", firm.one)
    second = firm.connect("page-2", firm.one)
    with pytest.raises(Invalid) as refused:
        firm.world.schedule(firm.draft(firm.one))
    assert code_of(refused) == ("account_ambiguous", ["socialAccountId"])
    assert firm.world.schedule(firm.draft(firm.one, social_account_id=second.id)).post.social_account_id == second.id


def test_a_client_alone_names_its_company_too(firm: Firm):
    post = firm.world.draft(client_id=firm.one)
    assert (post.company_id, post.client_id) == (firm.company, firm.one)


def test_a_post_for_a_client_of_another_company_is_refused(firm: Firm):
    other = companies.create_company(firm.world.deps, USER, "Other").id
    with pytest.raises(Invalid) as refused:
        firm.world.draft(company_id=other, client_id=firm.one)
    assert code_of(refused) == ("client_not_found", ["clientId"])
    with pytest.raises(Invalid) as refused:
        firm.world.draft(client_id=new_id())
    assert code_of(refused) == ("client_not_found", ["clientId"])


@pytest.mark.parametrize("moved", ["company_id", "client_id", "user_id", "not_shared"])
def test_what_belongs_to_another_by_the_instant_is_not_published(firm: Firm, moved: str):
    """Nothing here moves an account; if somebody does it behind our back, the post says so and does not go out."""
    account = firm.connect("page-of-one", firm.one)
    post = firm.world.schedule(firm.draft(firm.one)).post
    if moved == "company_id":
        firm.world.overwrite(post, company_id=new_id())
    elif moved == "client_id":
        firm.world.overwrite(post, client_id=firm.other)
    elif moved == "not_shared":
        firm.world.overwrite(post, company_id=None)
    else:
        firm.world.overwrite(
            post, company_id=None, client_id=None, social_account_id=firm.world.account.id, user_id=BOSS
        )
    firm.world.clock.set(IN_TEN_MINUTES)
    assert firm.world.dispatch(post) == Dispatched("failed", "account_missing")
    assert firm.world.publisher.submissions == []
    assert account.client_id == firm.one


def test_a_companys_post_goes_out_at_its_instant_whoever_has_left_since(firm: Firm):
    firm.connect("page")
    post = firm.world.schedule(firm.draft()).post
    firm.remove(USER)
    firm.world.clock.set(IN_TEN_MINUTES)
    assert firm.world.dispatch(post) == Dispatched("dispatched")
    assert [submission.person_urn for submission in firm.world.publisher.submissions] == ["page"]


def test_every_editor_acts_on_a_companys_post_and_the_books_say_who_did(firm: Firm):
    firm.connect("page")
    deps, post = firm.world.deps, firm.draft()
    schedule.schedule(deps, EDITOR, post.id, IN_TEN_MINUTES.isoformat(), None, 0)
    schedule.unschedule(deps, BOSS, post.id)
    schedule.cancel(deps, USER, post.id)
    assert [t.actor for t in firm.world.transitions(post)] == [f"user:{who}" for who in (USER, EDITOR, BOSS, USER)]


def test_an_author_who_has_left_or_only_views_can_no_longer_act(firm: Firm):
    firm.connect("page")
    post = firm.world.schedule(firm.draft()).post
    before = firm.world.everything()
    acts: list[Any] = [
        lambda user: schedule.schedule(firm.world.deps, user, post.id, IN_TEN_MINUTES.isoformat(), None, 0),
        lambda user: schedule.unschedule(firm.world.deps, user, post.id),
        lambda user: schedule.cancel(firm.world.deps, user, post.id),
        lambda user: schedule.recover(firm.world.deps, user, post.id, "retry", True),
        lambda user: drafts.edit_post(firm.world.deps, user, post.id, {"content": "New"}),
    ]
    firm.put(USER, Role.VIEWER)
    for act in acts:
        with pytest.raises(Forbidden):
            act(USER)
    assert drafts.read_post(firm.world.deps, USER, post.id) == post
    firm.remove(USER)
    for act in [*acts, lambda user: drafts.read_post(firm.world.deps, user, post.id)]:
        with pytest.raises(NotFound):
            act(USER)
    assert firm.world.everything() == before


def test_a_colleague_never_sees_what_is_personal(firm: Firm):
    post = firm.world.draft()
    with pytest.raises(NotFound):
        drafts.read_post(firm.world.deps, BOSS, post.id)
    with pytest.raises(NotFound):
        drafts.change_account(firm.world.deps, BOSS, firm.world.account.id, {"account_name": "Mine"})


def test_a_company_has_an_account_once_whoever_connects_it(firm: Firm):
    first = firm.connect("page", firm.one)
    again = firm.connect("page", firm.one, BOSS, access_token="new")
    assert (again.id, again.user_id, again.access_token) == (first.id, EDITOR, "sealed:new")
    assert firm.connect("page", None).client_id == firm.one  # a new token says nothing of the client
    personal = firm.world.connect(external_id="page", user=EDITOR)
    assert (personal.id == first.id, personal.company_id) == (False, None)


def test_an_account_does_not_move_between_clients(firm: Firm):
    first = firm.connect("page", firm.one)
    with pytest.raises(Conflict) as refused:
        firm.connect("page", firm.other, access_token="stolen")
    assert refused.value.code == "account_of_another_client"
    shared = firm.connect("shared")
    with pytest.raises(Conflict):
        firm.connect("shared", firm.one)
    assert firm.connect("page", firm.one).id == first.id
    assert firm.connect("shared").id == shared.id


def ids(world: World, user: str, **wanted: Any) -> set[str]:
    with world.db.reading() as connection:
        return {post.id for post in queries.page(connection, user, PostFilter(**wanted), 50, None)}


def test_lists_show_ones_own_and_by_company_client_or_account_everybodys(firm: Firm):
    account = firm.connect("page-of-one", firm.one)
    personal, mine = firm.world.draft(), firm.draft()
    theirs, for_one = firm.draft(user=EDITOR), firm.draft(firm.one, user=EDITOR, social_account_id=account.id)
    assert ids(firm.world, USER) == {personal.id, mine.id}
    assert ids(firm.world, USER, company_id=firm.company) == {mine.id, theirs.id, for_one.id}
    assert ids(firm.world, VIEWER, company_id=firm.company) == {mine.id, theirs.id, for_one.id}
    assert ids(firm.world, USER, client_id=firm.one) == ids(firm.world, BOSS, client_id=firm.one) == {for_one.id}
    assert ids(firm.world, USER, social_account_id=account.id) == {for_one.id}
    assert ids(firm.world, USER, company_id=firm.company, status="scheduled") == set()
    assert ids(firm.world, VIEWER) == set()
    firm.remove(USER)
    assert ids(firm.world, USER) == {personal.id}
    assert ids(firm.world, USER, company_id=firm.company) == set()
    assert ids(firm.world, USER, social_account_id=account.id) == set()


def test_a_reconnected_account_of_a_company_releases_what_it_held(firm: Firm):
    account = firm.connect("page")
    post = firm.world.schedule(firm.draft()).post
    with firm.world.db.transaction() as tx:
        accounts.mark_reconnect(tx, account.id, firm.world.clock.now(), sent_at=firm.world.clock.now())
    firm.world.clock.set(IN_TEN_MINUTES)
    assert firm.world.dispatch(post).reason == "account_on_hold"
    firm.world.clock.set(IN_TEN_MINUTES + timedelta(minutes=1))
    firm.connect("page", None, BOSS, access_token="new")
    assert firm.world.read(post).next_attempt_at == firm.world.clock.now()
    assert firm.world.dispatch(firm.world.read(post)) == Dispatched("dispatched")
