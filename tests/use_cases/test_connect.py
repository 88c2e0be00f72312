"""A member's consent at LinkedIn and the return: once, in time and in the same browser."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.connect import Started, begin, complete
from app.companies.companies import create_client, create_company
from app.companies.members import remove_member
from app.domain.companies import Role
from app.domain.delivery import Dispatched
from app.domain.errors import Conflict, Forbidden, Invalid, NotConfigured, Refusal
from app.domain.oauth import Member
from app.domain.post import Account
from app.store.schema.tables import oauth_states
from tests.support.companies import join
from tests.support.linkedin import failure, grant
from tests.support.oauth_world import OAuthWorld
from tests.support.world import USER


@pytest.fixture
def world(database_url: str) -> Iterator[OAuthWorld]:
    made = OAuthWorld(database_url)
    yield made
    made.close()


def state_of(started: Started) -> str:
    return started.url.rpartition("state=")[2]


def return_from_linkedin(world: OAuthWorld, started: Started, **changes: Any) -> Account:
    answer = {"state": state_of(started), "browser_secret": started.browser_secret, "code": "code-1", "error": ""}
    return complete(world.deps, **(answer | changes))


def refusal_code(world: OAuthWorld, started: Started, **changes: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        return_from_linkedin(world, started, **changes)
    return refusal.value.code


def stored_states(world: OAuthWorld) -> list[Any]:
    with world.db.reading() as connection:
        return list(connection.execute(sa.select(oauth_states).order_by(oauth_states.c.created_at)))


def test_connect_round_trip_stores_the_members_account(world: OAuthWorld):
    world.linkedin.member = Member("urn:li:person:new", "Nina")
    world.linkedin.default_answer = grant("access", "refresh", days=60, refresh_days=365)
    started = begin(world.deps, USER)
    account = return_from_linkedin(world, started)
    assert (account.user_id, account.platform, account.external_id) == (USER, "linkedin", "urn:li:person:new")
    assert (account.account_name, account.status) == ("Nina", "active")
    assert world.tokens(account) == ("access", "refresh")
    assert account.expires_at == world.clock.now() + timedelta(days=60)
    assert account.refresh_expires_at == world.clock.now() + timedelta(days=365)
    assert world.linkedin.exchanged == [("code-1", world.linkedin.verifiers[state_of(started)])]


def test_token_lifetime_counts_from_before_the_request(world: OAuthWorld):
    asked_at = world.clock.now()
    world.linkedin.during_call = lambda: world.clock.advance(seconds=9)
    assert return_from_linkedin(world, begin(world.deps, USER)).expires_at == asked_at + timedelta(days=60)


def test_state_works_once(world: OAuthWorld):
    started = begin(world.deps, USER)
    return_from_linkedin(world, started)
    assert refusal_code(world, started) == "state_invalid"
    assert len(world.linkedin.exchanged) == 1
    assert stored_states(world) == []


def test_state_is_valid_for_ten_minutes(world: OAuthWorld):
    early, late = begin(world.deps, USER), begin(world.deps, USER)
    assert early.expires_at == world.clock.now() + timedelta(minutes=10)
    world.clock.advance(minutes=10, microseconds=-1)
    return_from_linkedin(world, early)
    world.clock.advance(microseconds=1)
    assert refusal_code(world, late) == "state_invalid"


@pytest.mark.parametrize("secret", ["", "of another browser"])
def test_state_is_refused_in_another_browser_and_stays_valid_in_its_own(world: OAuthWorld, secret: str):
    started = begin(world.deps, USER)
    assert refusal_code(world, started, browser_secret=secret) == "state_invalid"
    assert refusal_code(world, started, browser_secret=begin(world.deps, "user-2").browser_secret) == "state_invalid"
    assert world.linkedin.exchanged == []
    return_from_linkedin(world, started)


def test_unknown_state_is_refused(world: OAuthWorld):
    for state in ("", "x" * 128, "\0", "é\ud800"):
        assert refusal_code(world, begin(world.deps, USER), state=state) == "state_invalid"


def test_state_secret_and_verifier_are_not_readable_in_the_database(world: OAuthWorld):
    started = begin(world.deps, USER)
    text = str(stored_states(world))
    verifier = world.linkedin.verifiers[state_of(started)]
    assert state_of(started) not in text
    assert started.browser_secret not in text
    assert text.count(verifier) == 1
    assert f"sealed:{verifier}" in text
    assert min(len(secret) for secret in (state_of(started), started.browser_secret, verifier)) == 43


def test_two_concurrent_windows_use_different_cookies(world: OAuthWorld):
    first, second = begin(world.deps, USER), begin(world.deps, USER)
    assert first.cookie != second.cookie
    return_from_linkedin(world, second)
    return_from_linkedin(world, first)


def test_expired_states_are_deleted_and_a_user_has_at_most_ten(world: OAuthWorld):
    theirs = begin(world.deps, "user-2")
    for _ in range(12):
        world.clock.advance(seconds=1)
        begin(world.deps, USER)
    rows = stored_states(world)
    assert [row.user_id for row in rows].count(USER) == 10
    assert min(row.created_at for row in rows if row.user_id == USER) == world.clock.now() - timedelta(seconds=9)
    return_from_linkedin(world, theirs)
    world.clock.advance(minutes=10)
    begin(world.deps, "user-3")
    assert [row.user_id for row in stored_states(world)] == ["user-3"]


@pytest.mark.parametrize("error", ["user_cancelled_login", "user_cancelled_authorize", "access_denied"])
def test_declined_consent_connects_nothing_and_uses_up_the_state(world: OAuthWorld, error: str):
    started = begin(world.deps, USER)
    assert refusal_code(world, started, error=error, code="") == "connect_cancelled"
    assert refusal_code(world, started) == "state_invalid"
    assert world.linkedin.exchanged == []


@pytest.mark.parametrize(
    "changes", [{"error": "unauthorized_scope_error"}, {"error": "x" * 5000}, {"code": ""}, {"code": "c" * 4097}]
)
def test_other_error_or_invalid_code_makes_no_request_to_linkedin(world: OAuthWorld, changes: dict[str, str]):
    assert refusal_code(world, begin(world.deps, USER), **changes) == "connect_refused"
    assert world.linkedin.exchanged == []


@pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "refused"])
def test_linkedin_refusal_answers_connect_refused(world: OAuthWorld, code: str):
    world.linkedin.default_answer = failure(code)
    with pytest.raises(Invalid) as refusal:
        return_from_linkedin(world, begin(world.deps, USER))
    assert refusal.value.code == "connect_refused"
    assert set(world.alerts()) == ({"authorization_refused"} if code == "invalid_client" else set())


@pytest.mark.parametrize("code", ["unreachable", "rate_limited", "broken_answer"])
def test_linkedin_outage_answers_connect_failed(world: OAuthWorld, code: str):
    world.linkedin.default_answer = failure(code)
    with pytest.raises(Conflict) as refusal:
        return_from_linkedin(world, begin(world.deps, USER))
    assert refusal.value.code == "connect_failed"
    world.linkedin.default_answer = grant()
    world.linkedin.identify_error = failure(code)
    assert refusal_code(world, begin(world.deps, USER)) == "connect_failed"


def test_reconnect_stores_new_tokens_and_releases_held_posts(world: OAuthWorld):
    held = world.due()
    world.require_reconnect()
    assert world.dispatch(held).reason == "account_on_hold"
    world.clock.advance(seconds=30)
    account = return_from_linkedin(world, begin(world.deps, USER))
    assert account.id == world.account.id
    assert (account.status, world.alerts()) == ("active", {})
    assert world.read(held).next_attempt_at == world.clock.now()
    assert world.dispatch(held) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-2"


def test_reconnect_removes_the_old_refresh_token(world: OAuthWorld):
    """The old refresh token may be revoked, and its refusal would mark the new access."""
    account = world.expiring_account(refresh="old", refresh_expires_at=world.clock.now())
    return_from_linkedin(world, begin(world.deps, USER))
    assert world.tokens(account) == ("access-2", None)
    assert world.read_account(account).refresh_expires_at is None


def test_connect_stores_the_account_for_the_requested_company_and_client(
    world: OAuthWorld,
):
    world.linkedin.member = Member("urn:li:person:new", "Nina")
    company = create_company(world.deps, USER, "Acme").id
    client = create_client(world.deps, USER, company, "Client").id
    for owner in ((company, client), (None, None)):
        account = return_from_linkedin(world, begin(world.deps, USER, *owner))
        assert (account.company_id, account.client_id) == owner


def test_begin_for_a_company_requires_the_editor_role(world: OAuthWorld):
    company = create_company(world.deps, "somebody", "Acme").id
    with pytest.raises(Invalid) as refused:
        begin(world.deps, USER, company)
    assert refused.value.code == "company_not_found"
    join(world.deps, "somebody", company, USER, Role.VIEWER)
    with pytest.raises(Forbidden):
        begin(world.deps, USER, company)


def test_member_removed_during_consent_connects_nothing_for_the_company(world: OAuthWorld):
    company = create_company(world.deps, "somebody", "Acme").id
    join(world.deps, "somebody", company, USER, Role.EDITOR)
    started = begin(world.deps, USER, company)
    remove_member(world.deps, "somebody", company, USER)
    with pytest.raises(Invalid) as refused:
        return_from_linkedin(world, started)
    assert refused.value.code == "company_not_found"


def test_begin_without_settings_answers_not_configured(world: OAuthWorld):
    for changes in ({"linkedin": None}, {"vault": None}):
        deps = world.deps
        world.with_deps(**changes)
        with pytest.raises(NotConfigured):
            begin(world.deps, USER)
        world.deps = deps
    world.set(public_base_url=None)
    with pytest.raises(NotConfigured):
        begin(world.deps, USER)
