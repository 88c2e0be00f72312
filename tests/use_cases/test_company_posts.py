"""Posts and accounts of companies: the account used, and the rights of members."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from app.accounts.accounts import change_account, connect_account
from app.companies import companies, members
from app.domain.companies import Role
from app.domain.delivery import Dispatched
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.lifecycle import Status
from app.domain.post import Account, Post
from app.domain.post_lists import Place, PostFilter
from app.posts import drafts, recover, schedule
from app.store.accounts import accounts
from app.store.posts import pages
from app.store.schema.tables import new_id
from tests.support.companies import join
from tests.support.world import IN_TEN_MINUTES, USER, World

EDITOR, VIEWER, BOSS = "editor-1", "viewer-1", "boss-1"


@dataclass
class Firm:
    """A company of BOSS with an editor, a viewer and two clients. USER is an editor with a personal account."""

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
        return connect_account(self.world.deps, user, values | {"client_id": client} | more)

    def draft(self, client: str | None = None, user: str = USER, **more: Any) -> Post:
        return self.world.draft(user=user, company_id=self.company, client_id=client, **more)

    def put(self, user: str, role: Role) -> None:
        join(self.world.deps, BOSS, self.company, user, role)

    def remove(self, user: str) -> None:
        members.remove_member(self.world.deps, BOSS, self.company, user)


@pytest.fixture
def firm(world: World) -> Firm:
    company = companies.create_company(world.deps, BOSS, "Firm").id
    clients = [companies.create_client(world.deps, BOSS, company, name).id for name in ("One", "Other")]
    made = Firm(world, company, *clients)
    for user, role in ((EDITOR, Role.EDITOR), (VIEWER, Role.VIEWER), (USER, Role.EDITOR)):
        made.put(user, role)
    return made


def code_and_fields(error: pytest.ExceptionInfo[Any]) -> tuple[str, list[str]]:
    return error.value.code, [field.field for field in error.value.errors]


def test_company_post_uses_the_companys_only_account(firm: Firm):
    account = firm.connect("page")
    assert firm.world.schedule(firm.draft()).post.social_account_id == account.id
    assert firm.world.scheduled().social_account_id == firm.world.account.id


def test_company_post_never_uses_its_authors_personal_account(firm: Firm):
    with pytest.raises(Invalid) as refused:
        firm.world.schedule(firm.draft())
    assert code_and_fields(refused) == ("account_missing", ["socialAccountId"])
    with pytest.raises(Invalid) as refused:
        firm.draft(social_account_id=firm.world.account.id)
    assert code_and_fields(refused) == ("account_missing", ["socialAccountId"])


def test_personal_post_never_uses_a_company_account(firm: Firm):
    shared = firm.connect("page")
    with pytest.raises(Invalid) as refused:
        firm.world.draft(social_account_id=shared.id)
    assert code_and_fields(refused) == ("account_missing", ["socialAccountId"])


def test_client_post_uses_the_clients_account_before_the_companys(firm: Firm):
    shared = firm.connect("page")
    assert firm.world.schedule(firm.draft(firm.one)).post.social_account_id == shared.id
    own = firm.connect("page-of-one", firm.one)
    assert firm.world.schedule(firm.draft(firm.one)).post.social_account_id == own.id
    assert firm.world.schedule(firm.draft(firm.other)).post.social_account_id == shared.id
    assert firm.world.schedule(firm.draft()).post.social_account_id == shared.id
    named = firm.draft(firm.one, social_account_id=shared.id)
    assert firm.world.schedule(named).post.social_account_id == shared.id


def test_client_post_never_uses_another_clients_account(firm: Firm):
    theirs = firm.connect("page-of-other", firm.other)
    with pytest.raises(Invalid) as refused:
        firm.draft(firm.one, social_account_id=theirs.id)
    assert code_and_fields(refused) == ("account_missing", ["socialAccountId"])
    with pytest.raises(Invalid):
        firm.draft(social_account_id=theirs.id)
    with pytest.raises(Invalid):
        firm.world.schedule(firm.draft(firm.one))


def test_schedule_with_several_client_accounts_requires_an_account_id(firm: Firm):
    firm.connect("page-1", firm.one)
    second = firm.connect("page-2", firm.one)
    with pytest.raises(Invalid) as refused:
        firm.world.schedule(firm.draft(firm.one))
    assert code_and_fields(refused) == ("account_ambiguous", ["socialAccountId"])
    assert firm.world.schedule(firm.draft(firm.one, social_account_id=second.id)).post.social_account_id == second.id


def test_client_id_alone_sets_the_company_too(firm: Firm):
    post = firm.world.draft(client_id=firm.one)
    assert (post.company_id, post.client_id) == (firm.company, firm.one)


def test_post_for_a_client_of_another_company_is_refused(firm: Firm):
    other = companies.create_company(firm.world.deps, USER, "Other").id
    with pytest.raises(Invalid) as refused:
        firm.world.draft(company_id=other, client_id=firm.one)
    assert code_and_fields(refused) == ("client_not_found", ["clientId"])
    with pytest.raises(Invalid) as refused:
        firm.world.draft(client_id=new_id())
    assert code_and_fields(refused) == ("client_not_found", ["clientId"])


@pytest.mark.parametrize("moved", ["company_id", "client_id", "user_id", "not_shared"])
def test_post_whose_owner_changed_before_the_instant_is_not_published(firm: Firm, moved: str):
    """The app never moves an account. If a row is changed from outside, its post fails instead of going out."""
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


def test_company_post_goes_out_after_its_author_has_left(firm: Firm):
    firm.connect("page")
    post = firm.world.schedule(firm.draft()).post
    firm.remove(USER)
    firm.world.clock.set(IN_TEN_MINUTES)
    assert firm.world.dispatch(post) == Dispatched("dispatched")
    assert [submission.person_urn for submission in firm.world.publisher.submissions] == ["page"]


def test_every_editor_can_act_on_a_company_post_and_is_recorded_as_actor(firm: Firm):
    firm.connect("page")
    deps, post = firm.world.deps, firm.draft()
    schedule.schedule(deps, EDITOR, post.id, IN_TEN_MINUTES.isoformat(), None, 0)
    schedule.unschedule(deps, BOSS, post.id)
    schedule.cancel(deps, USER, post.id)
    assert [t.actor for t in firm.world.transitions(post)] == [f"user:{user}" for user in (USER, EDITOR, BOSS, USER)]


def test_author_who_left_or_became_viewer_cannot_act(firm: Firm):
    firm.connect("page")
    post = firm.world.schedule(firm.draft()).post
    before = firm.world.all_post_rows()
    acts: list[Any] = [
        lambda user: schedule.schedule(firm.world.deps, user, post.id, IN_TEN_MINUTES.isoformat(), None, 0),
        lambda user: schedule.unschedule(firm.world.deps, user, post.id),
        lambda user: schedule.cancel(firm.world.deps, user, post.id),
        lambda user: recover.recover(firm.world.deps, user, post.id, "retry", True),
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
    assert firm.world.all_post_rows() == before


def test_colleague_cannot_see_personal_posts_or_accounts(firm: Firm):
    post = firm.world.draft()
    with pytest.raises(NotFound):
        drafts.read_post(firm.world.deps, BOSS, post.id)
    with pytest.raises(NotFound):
        change_account(firm.world.deps, BOSS, firm.world.account.id, {"account_name": "Mine"})


def test_account_connected_by_two_members_stays_one_account(firm: Firm):
    first = firm.connect("page", firm.one)
    again = firm.connect("page", firm.one, BOSS, access_token="new")
    assert (again.id, again.user_id, again.access_token) == (first.id, EDITOR, "sealed:new")
    assert firm.connect("page", None).client_id == firm.one  # a new token does not change the client
    personal = firm.world.connect(external_id="page", user=EDITOR)
    assert (personal.id == first.id, personal.company_id) == (False, None)


def test_account_cannot_move_between_clients(firm: Firm):
    first = firm.connect("page", firm.one)
    with pytest.raises(Conflict) as refused:
        firm.connect("page", firm.other, access_token="stolen")
    assert refused.value.code == "account_of_another_client"
    shared = firm.connect("shared")
    with pytest.raises(Conflict):
        firm.connect("shared", firm.one)
    assert firm.connect("page", firm.one).id == first.id
    assert firm.connect("shared").id == shared.id


def listed_ids(world: World, user: str, **filters: Any) -> set[str]:
    with world.db.reading() as connection:
        return {
            post.id for post in pages.page(connection, user, PostFilter(**filters), 50, Place(world.clock.now()))[0]
        }


def test_list_shows_own_posts_and_with_a_filter_all_members_posts(firm: Firm):
    account = firm.connect("page-of-one", firm.one)
    personal, mine = firm.world.draft(), firm.draft()
    theirs, for_one = firm.draft(user=EDITOR), firm.draft(firm.one, user=EDITOR, social_account_id=account.id)
    assert listed_ids(firm.world, USER) == {personal.id, mine.id}
    assert listed_ids(firm.world, USER, company_id=firm.company) == {mine.id, theirs.id, for_one.id}
    assert listed_ids(firm.world, VIEWER, company_id=firm.company) == {mine.id, theirs.id, for_one.id}
    assert (
        listed_ids(firm.world, USER, client_id=firm.one)
        == listed_ids(firm.world, BOSS, client_id=firm.one)
        == {for_one.id}
    )
    assert listed_ids(firm.world, USER, social_account_id=account.id) == {for_one.id}
    assert listed_ids(firm.world, USER, company_id=firm.company, statuses=(Status.SCHEDULED,)) == set()
    assert listed_ids(firm.world, VIEWER) == set()
    firm.remove(USER)
    assert listed_ids(firm.world, USER) == {personal.id}
    assert listed_ids(firm.world, USER, company_id=firm.company) == set()
    assert listed_ids(firm.world, USER, social_account_id=account.id) == set()


def test_reconnected_company_account_releases_its_held_posts(firm: Firm):
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
