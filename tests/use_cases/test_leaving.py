"""A person who leaves a company, or withdraws their profile: posts through it are held, and the owners learn why."""

from datetime import timedelta
from typing import Any

import pytest

from app.accounts.accounts import change_account, connect_account, list_shared, remove_account
from app.companies import companies, holds, members
from app.domain.companies import Role, Withheld
from app.domain.delivery import Dispatched
from app.domain.errors import Conflict, Forbidden, NotFound
from app.domain.explanations import SENTENCES
from app.domain.post import Account, Post
from app.domain.post_lists import Place, PostFilter
from app.posts import drafts, schedule
from app.store.accounts import accounts, tokens
from app.store.posts import pages
from tests.support.companies import join
from tests.support.world import IN_TEN_MINUTES, World

BOSS, PERSON, EDITOR, VIEWER = "boss-1", "person-1", "editor-1", "viewer-1"
PROFILE = "urn:li:person:own"


@pytest.fixture
def company(world: World) -> str:
    made = companies.create_company(world.deps, BOSS, "Firm").id
    for user, role in ((PERSON, Role.EDITOR), (EDITOR, Role.EDITOR), (VIEWER, Role.VIEWER)):
        join(world.deps, BOSS, made, user, role)
    return made


def share(world: World, company: str, user: str = PERSON, external_id: str = PROFILE, **more: Any) -> Account:
    own = more.pop("own_profile", None)
    values = {"platform": "linkedin", "external_id": external_id, "access_token": "t", "refresh_token": "r"}
    return connect_account(world.deps, user, values | {"company_id": company} | more, own_profile=own)


def scheduled(world: World, company: str, account: Account, user: str = EDITOR) -> Post:
    draft = world.draft(user=user, company_id=company, client_id=account.client_id, social_account_id=account.id)
    return world.schedule(draft).post


def assert_held(world: World, post: Post, code: str, actor: str) -> None:
    held = world.read(post)
    assert (held.status, held.error_code, held.error_message) == ("failed", code, SENTENCES[code])
    last = world.transitions(post)[-1]
    assert (last.from_status, last.to_status, last.reason, last.actor) == ("scheduled", "failed", code, f"user:{actor}")
    assert held.scheduled_at == post.scheduled_at
    assert post.message_id in world.messages.cancelled
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(post).status == "ignored"
    assert world.publisher.submissions == []


@pytest.mark.parametrize("by", [BOSS, PERSON])
def test_posts_through_the_profile_of_a_former_member_are_held_and_owners_learn_it(world: World, company: str, by: str):
    account = share(world, company)
    posts = [scheduled(world, company, account) for _ in range(2)]
    members.remove_member(world.deps, by, company, PERSON)
    expected = [Withheld(account.id, "member_left", 2)]
    assert holds.list_warnings(world.deps, BOSS, company) == expected
    assert holds.list_warnings(world.deps, VIEWER, company) == expected
    with pytest.raises(NotFound):
        holds.list_warnings(world.deps, PERSON, company)
    assert world.alerts()["member_left"] == account.id
    assert world.account_status(account) == "reconnect_required"
    for post in posts:
        assert_held(world, post, "member_left", by)


def test_posts_through_pages_and_accounts_of_clients_go_out_after_their_connector_left(world: World, company: str):
    client = companies.create_client(world.deps, BOSS, company, "One").id
    shared = [
        share(world, company, external_id="urn:li:organization:1"),
        share(world, company, external_id="urn:li:person:client", client_id=client),
        share(world, company, external_id="urn:li:person:other", own_profile=False),
        share(world, company, user=EDITOR, external_id="urn:li:person:editor"),
    ]
    posts = [scheduled(world, company, account) for account in shared]
    members.remove_member(world.deps, BOSS, company, PERSON)
    world.clock.set(IN_TEN_MINUTES)
    assert [world.dispatch(post) for post in posts] == [Dispatched("dispatched")] * len(posts)
    assert holds.list_warnings(world.deps, BOSS, company) == []


def test_facebook_page_is_no_profile_unless_said_so(world: World, company: str):
    page = share(world, company, external_id="1", platform="facebook")
    own = share(world, company, external_id="2", platform="facebook", own_profile=True)
    personal = share(world, company, user=EDITOR, external_id="3", platform="instagram")
    assert [one.profile_of for one in (page, own, personal)] == [None, PERSON, EDITOR]
    assert world.account.profile_of is None  # of no company


def test_post_in_flight_goes_on_and_its_retry_waits_for_the_profile(world: World, company: str):
    account = share(world, company)
    post = scheduled(world, company, account)
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(post) == Dispatched("dispatched")
    members.remove_member(world.deps, BOSS, company, PERSON)
    assert world.read(post).status == "publishing"
    world.report_failed(world.read(post), http_status=429, attempt=1)
    retry = world.read(post)
    assert retry.status == "scheduled"
    world.at_due(retry)
    assert world.dispatch(retry).reason == "account_on_hold"
    assert len(world.publisher.submissions) == 1


def test_refresh_in_flight_does_not_connect_a_withheld_profile(world: World, company: str):
    account = share(world, company)
    members.remove_member(world.deps, BOSS, company, PERSON)
    with world.db.transaction() as tx:
        assert not tokens.renew(tx, account, {"access_token": "sealed:new"}, world.clock.now())
    assert world.account_status(account) == "reconnect_required"


def test_profile_connected_again_sends_posts_scheduled_again(world: World, company: str):
    account = share(world, company)
    post = scheduled(world, company, account)
    members.remove_member(world.deps, BOSS, company, PERSON)
    warned = [
        code
        for code, _ in schedule.schedule(
            world.deps, EDITOR, post.id, (IN_TEN_MINUTES + timedelta(hours=1)).isoformat(), None, 0
        ).warnings
    ]
    assert "reconnect_required" in warned
    join(world.deps, BOSS, company, PERSON, Role.EDITOR)
    assert share(world, company, access_token="new").id == account.id
    assert "member_left" not in world.alerts()
    again = world.read(post)
    world.at_due(again)
    assert world.dispatch(again) == Dispatched("dispatched")


@pytest.mark.parametrize("state", ["editor", "viewer", "removed"])
def test_person_withdraws_their_profile_in_any_role_and_after_leaving(world: World, company: str, state: str):
    account = share(world, company)
    post = scheduled(world, company, account)
    if state == "viewer":
        join(world.deps, BOSS, company, PERSON, Role.VIEWER)
    if state == "removed":
        members.remove_member(world.deps, BOSS, company, PERSON)
    assert [one.id for one in list_shared(world.deps, PERSON, 10, None)] == [account.id]
    remove_account(world.deps, PERSON, account.id)
    code, actor = ("member_left", BOSS) if state == "removed" else ("account_withdrawn", PERSON)
    assert holds.list_warnings(world.deps, BOSS, company) == [Withheld(account.id, code, 1)]
    assert list_shared(world.deps, PERSON, 10, None) == []
    with world.db.reading() as connection:
        assert accounts.by_id(connection, account.id) is None
    assert "member_left" not in world.alerts()
    assert_held(world, post, code, actor)
    with pytest.raises(NotFound):
        remove_account(world.deps, PERSON, account.id)


def test_nobody_else_withdraws_a_profile(world: World, company: str):
    account = share(world, company)
    post = scheduled(world, company, account)
    for user, error in ((BOSS, Conflict), (EDITOR, Conflict), (VIEWER, Forbidden), ("stranger", NotFound)):
        with pytest.raises(error):
            remove_account(world.deps, user, account.id)
    assert world.read(post).status == "scheduled"


def test_reconnect_by_a_colleague_leaves_the_profile_to_its_person(world: World, company: str):
    account = share(world, company)
    again = share(world, company, user=EDITOR, own_profile=True, access_token="new")
    assert (again.id, again.profile_of) == (account.id, PERSON)
    change_account(world.deps, EDITOR, account.id, {"access_token": "newer"})
    remove_account(world.deps, PERSON, account.id)


def test_former_member_sees_and_changes_nothing_of_the_company(world: World, company: str):
    account = share(world, company)
    post = scheduled(world, company, account, user=PERSON)
    draft = world.draft(user=PERSON, company_id=company)
    members.remove_member(world.deps, BOSS, company, PERSON)
    acts: list[Any] = [
        lambda: drafts.read_post(world.deps, PERSON, post.id),
        lambda: drafts.edit_post(world.deps, PERSON, draft.id, {"content": "New"}),
        lambda: schedule.schedule(world.deps, PERSON, draft.id, IN_TEN_MINUTES.isoformat(), None, 0),
        lambda: schedule.cancel(world.deps, PERSON, post.id),
        lambda: change_account(world.deps, PERSON, account.id, {"access_token": "new"}),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act()
    with world.db.reading() as connection:
        assert pages.page(connection, PERSON, PostFilter(), 50, Place(world.clock.now()))[0] == []
        assert accounts.page(connection, PERSON, {}, 50, None) == []
