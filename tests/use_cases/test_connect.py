"""A member on the way to LinkedIn and back: once, in time, in the same browser; and what comes of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.connect import Started, begin, complete
from app.companies.companies import create_client, create_company, put_member, remove_member
from app.delivery.settle import Dispatched
from app.domain.companies import Role
from app.domain.errors import Conflict, Forbidden, Invalid, NotConfigured, Refusal
from app.domain.oauth import Member
from app.domain.post import Account
from app.store.schema.tables import oauth_states
from tests.support.linkedin import failure, grant
from tests.support.oauth_world import ConnectedWorld
from tests.support.world import USER


@pytest.fixture
def world(database_url: str) -> Iterator[ConnectedWorld]:
    made = ConnectedWorld(database_url)
    yield made
    made.close()


def state_of(started: Started) -> str:
    return started.url.rpartition("state=")[2]


def back(world: ConnectedWorld, started: Started, **changes: Any) -> Account:
    said = {"state": state_of(started), "browser_secret": started.browser_secret, "code": "code-1", "error": ""}
    return complete(world.deps, **(said | changes))


def refused(world: ConnectedWorld, started: Started, **changes: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        back(world, started, **changes)
    return refusal.value.code


def stored(world: ConnectedWorld) -> list[Any]:
    with world.db.reading() as connection:
        return list(connection.execute(sa.select(oauth_states).order_by(oauth_states.c.created_at)))


def test_the_way_there_and_back_connects_the_members_account(world: ConnectedWorld):
    world.linkedin.member = Member("urn:li:person:new", "Nina")
    world.linkedin.usual = grant("access", "refresh", days=60, refresh_days=365)
    started = begin(world.deps, USER)
    account = back(world, started)
    assert (account.user_id, account.platform, account.external_id) == (USER, "linkedin", "urn:li:person:new")
    assert (account.account_name, account.status) == ("Nina", "active")
    assert world.tokens(account) == ("access", "refresh")
    assert account.expires_at == world.clock.now() + timedelta(days=60)
    assert account.refresh_expires_at == world.clock.now() + timedelta(days=365)
    assert world.linkedin.exchanged == [("code-1", world.linkedin.verifiers[state_of(started)])]


def test_lives_are_counted_from_before_the_question(world: ConnectedWorld):
    asked_at = world.clock.now()
    world.linkedin.during_call = lambda: world.clock.advance(seconds=9)
    assert back(world, begin(world.deps, USER)).expires_at == asked_at + timedelta(days=60)


def test_a_state_works_once(world: ConnectedWorld):
    started = begin(world.deps, USER)
    back(world, started)
    assert refused(world, started) == "state_invalid"
    assert len(world.linkedin.exchanged) == 1
    assert stored(world) == []


def test_a_state_is_good_for_ten_minutes(world: ConnectedWorld):
    early, late = begin(world.deps, USER), begin(world.deps, USER)
    assert early.expires_at == world.clock.now() + timedelta(minutes=10)
    world.clock.advance(minutes=10, microseconds=-1)
    back(world, early)
    world.clock.advance(microseconds=1)
    assert refused(world, late) == "state_invalid"


@pytest.mark.parametrize("secret", ["", "of another browser"])
def test_in_another_browser_a_state_is_worth_nothing_and_stays_good_in_its_own(world: ConnectedWorld, secret: str):
    started = begin(world.deps, USER)
    assert refused(world, started, browser_secret=secret) == "state_invalid"
    assert refused(world, started, browser_secret=begin(world.deps, "user-2").browser_secret) == "state_invalid"
    assert world.linkedin.exchanged == []
    back(world, started)


def test_a_state_that_nobody_made_is_told_so(world: ConnectedWorld):
    for state in ("", "x" * 128, "\0", "é\ud800"):
        assert refused(world, begin(world.deps, USER), state=state) == "state_invalid"


def test_neither_state_nor_secret_nor_verifier_lies_readable_in_the_database(world: ConnectedWorld):
    started = begin(world.deps, USER)
    text = str(stored(world))
    verifier = world.linkedin.verifiers[state_of(started)]
    assert state_of(started) not in text
    assert started.browser_secret not in text
    assert text.count(verifier) == 1
    assert f"sealed:{verifier}" in text
    assert min(len(secret) for secret in (state_of(started), started.browser_secret, verifier)) == 43


def test_two_windows_at_once_do_not_take_each_others_cookie(world: ConnectedWorld):
    first, second = begin(world.deps, USER), begin(world.deps, USER)
    assert first.cookie != second.cookie
    back(world, second)
    back(world, first)


def test_what_has_expired_is_forgotten_and_a_user_has_ten_at_most(world: ConnectedWorld):
    theirs = begin(world.deps, "user-2")
    for _ in range(12):
        world.clock.advance(seconds=1)
        begin(world.deps, USER)
    rows = stored(world)
    assert [row.user_id for row in rows].count(USER) == 10
    assert min(row.created_at for row in rows if row.user_id == USER) == world.clock.now() - timedelta(seconds=9)
    back(world, theirs)
    world.clock.advance(minutes=10)
    begin(world.deps, "user-3")
    assert [row.user_id for row in stored(world)] == ["user-3"]


@pytest.mark.parametrize("error", ["user_cancelled_login", "user_cancelled_authorize", "access_denied"])
def test_who_declines_connects_nothing_and_the_state_is_spent(world: ConnectedWorld, error: str):
    started = begin(world.deps, USER)
    assert refused(world, started, error=error, code="") == "connect_cancelled"
    assert refused(world, started) == "state_invalid"
    assert world.linkedin.exchanged == []


@pytest.mark.parametrize(
    "changes", [{"error": "unauthorized_scope_error"}, {"error": "x" * 5000}, {"code": ""}, {"code": "c" * 4097}]
)
def test_another_error_or_no_sane_code_asks_linkedin_nothing(world: ConnectedWorld, changes: dict[str, str]):
    assert refused(world, begin(world.deps, USER), **changes) == "connect_refused"
    assert world.linkedin.exchanged == []


@pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "refused"])
def test_a_refusal_by_linkedin_is_one(world: ConnectedWorld, code: str):
    world.linkedin.usual = failure(code)
    with pytest.raises(Invalid) as refusal:
        back(world, begin(world.deps, USER))
    assert refusal.value.code == "connect_refused"
    assert set(world.alerts()) == ({"authorization_refused"} if code == "invalid_client" else set())


@pytest.mark.parametrize("code", ["unreachable", "rate_limited", "broken_answer"])
def test_a_linkedin_that_is_away_may_be_asked_again(world: ConnectedWorld, code: str):
    world.linkedin.usual = failure(code)
    with pytest.raises(Conflict) as refusal:
        back(world, begin(world.deps, USER))
    assert refusal.value.code == "connect_failed"
    world.linkedin.usual = grant()
    world.linkedin.identifying = failure(code)
    assert refused(world, begin(world.deps, USER)) == "connect_failed"


def test_connecting_again_takes_the_new_tokens_and_lets_the_held_posts_go_on(world: ConnectedWorld):
    held = world.due()
    world.token_is_refused()
    assert world.dispatch(held).reason == "account_on_hold"
    world.clock.advance(seconds=30)
    account = back(world, begin(world.deps, USER))
    assert account.id == world.account.id
    assert (account.status, world.alerts()) == ("active", {})
    assert world.read(held).next_attempt_at == world.clock.now()
    assert world.dispatch(held) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-2"


def test_connecting_again_replaces_the_old_consent_whole(world: ConnectedWorld):
    """The former refresh token may be dead, and would speak against the new access."""
    account = world.ending(refresh="old", refresh_expires_at=world.clock.now())
    back(world, begin(world.deps, USER))
    assert world.tokens(account) == ("access-2", None)
    assert world.account_now(account).refresh_expires_at is None


def test_the_company_and_client_that_it_began_for_get_the_account_and_a_personal_one_is_another(
    world: ConnectedWorld,
):
    world.linkedin.member = Member("urn:li:person:new", "Nina")
    company = create_company(world.deps, USER, "Acme").id
    client = create_client(world.deps, USER, company, "Client").id
    for given in ((company, client), (None, None)):
        account = back(world, begin(world.deps, USER, *given))
        assert (account.company_id, account.client_id) == given


def test_nobody_begins_for_a_company_that_is_not_theirs_to_change(world: ConnectedWorld):
    company = create_company(world.deps, "somebody", "Acme").id
    with pytest.raises(Invalid) as refused:
        begin(world.deps, USER, company)
    assert refused.value.code == "company_not_found"
    put_member(world.deps, "somebody", company, USER, Role.VIEWER)
    with pytest.raises(Forbidden):
        begin(world.deps, USER, company)


def test_who_is_put_out_of_the_company_on_the_way_connects_nothing_for_it(world: ConnectedWorld):
    company = create_company(world.deps, "somebody", "Acme").id
    put_member(world.deps, "somebody", company, USER, Role.EDITOR)
    started = begin(world.deps, USER, company)
    remove_member(world.deps, "somebody", company, USER)
    with pytest.raises(Invalid) as refused:
        back(world, started)
    assert refused.value.code == "company_not_found"


def test_without_settings_it_does_not_begin(world: ConnectedWorld):
    for changes in ({"linkedin": None}, {"vault": None}):
        deps = world.deps
        world.with_deps(**changes)
        with pytest.raises(NotConfigured):
            begin(world.deps, USER)
        world.deps = deps
    world.set(public_base_url=None)
    with pytest.raises(NotConfigured):
        begin(world.deps, USER)
