"""Token refresh: ahead of the expiry and one at a time.

A transient failure disconnects no account, and a reconnect by the owner always wins.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.accounts.accounts import remove_account
from app.accounts.refresh import refresh
from app.domain.delivery import Dispatched
from app.domain.errors import Unavailable
from app.sweep.sweep import sweep
from tests.support.linkedin import failure, grant
from tests.support.oauth_world import SOON, OAuthWorld
from tests.support.world import USER

AHEAD = timedelta(days=7)


@pytest.fixture
def world(database_url: str) -> Iterator[OAuthWorld]:
    made = OAuthWorld(database_url)
    yield made
    made.close()


def used_refresh_tokens(world: OAuthWorld) -> list[str]:
    return [token for token, _ in world.linkedin.refreshed]


def test_sweep_renews_a_token_that_expires_within_days(world: OAuthWorld):
    account = world.expiring_account()
    sweep(world.deps)
    assert used_refresh_tokens(world) == ["refresh-1"]
    assert world.tokens(account) == ("access-2", "refresh-1")
    assert world.access_left(account) == timedelta(days=60)
    assert world.alerts() == {}


def test_account_without_refresh_token_is_not_tried_and_counts_no_failure(world: OAuthWorld):
    account = world.expiring_account(refresh=None)
    world.maintain_accounts()
    assert (used_refresh_tokens(world), world.column(account, "refresh_failures")) == ([], 0)


def test_success_releases_the_lease_and_resets_the_failure_count(world: OAuthWorld):
    account = world.expiring_account()
    world.linkedin.answers.append(failure("unreachable"))
    world.maintain_accounts()
    assert world.column(account, "refresh_failures") == 1
    world.clock.advance(minutes=5)
    world.maintain_accounts()
    assert (world.column(account, "refresh_failures"), world.column(account, "refresh_lease_until")) == (0, None)


def test_token_that_expires_later_is_left_alone(world: OAuthWorld):
    world.expiring_account(AHEAD + timedelta(seconds=1))
    world.maintain_accounts()
    assert used_refresh_tokens(world) == []
    world.clock.advance(seconds=1)
    world.maintain_accounts()
    assert used_refresh_tokens(world) == ["refresh-1"]


def test_account_of_another_platform_or_without_expiry_is_not_renewed(world: OAuthWorld):
    world.expiring_account(platform="facebook")
    world.connect(token="endless")
    world.maintain_accounts()
    assert used_refresh_tokens(world) == []


def test_new_refresh_token_is_stored_with_its_expiry(world: OAuthWorld):
    account = world.expiring_account()
    world.linkedin.default_answer = grant(refresh="refresh-2", refresh_days=300)
    world.maintain_accounts()
    assert world.tokens(account) == ("access-2", "refresh-2")
    assert world.read_account(account).refresh_expires_at == world.clock.now() + timedelta(days=300)


def test_absent_refresh_token_keeps_the_old_one_and_its_expiry(world: OAuthWorld):
    end = world.clock.now() + timedelta(days=200)
    account = world.expiring_account(refresh_expires_at=end)
    world.linkedin.default_answer = grant(refresh=None)
    world.maintain_accounts()
    assert world.tokens(account) == ("access-2", "refresh-1")
    assert world.read_account(account).refresh_expires_at == end


@pytest.mark.parametrize("code", ["unreachable", "rate_limited", "broken_answer", "refused", "invalid_client"])
def test_transient_failure_keeps_the_account_active_and_is_retried(world: OAuthWorld, code: str):
    account = world.expiring_account()
    world.linkedin.answers.append(failure(code))
    world.maintain_accounts()
    assert world.account_status(account) == "active"
    assert world.tokens(account) == ("access-1", "refresh-1")
    world.maintain_accounts()
    assert len(used_refresh_tokens(world)) == 1
    world.clock.advance(minutes=5)
    world.maintain_accounts()
    assert world.tokens(account) == ("access-2", "refresh-1")


def test_pause_after_failures_doubles_up_to_six_hours(world: OAuthWorld):
    account = world.expiring_account(timedelta(days=6.9))
    world.linkedin.default_answer = failure("unreachable")
    pauses = []
    for _ in range(9):
        world.maintain_accounts()
        retry_at = world.column(account, "refresh_retry_at")
        pauses.append((retry_at - world.clock.now()).total_seconds() / 60)
        world.clock.set(retry_at)
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 360, 360]


def test_first_unreachable_answer_ends_the_refresh_step(world: OAuthWorld):
    for number in range(3):
        world.expiring_account(external_id=f"urn:li:person:{number}")
    world.linkedin.default_answer = failure("unreachable")
    world.maintain_accounts()
    assert len(used_refresh_tokens(world)) == 1


def test_refused_account_does_not_stop_the_next(world: OAuthWorld):
    world.expiring_account(external_id="urn:li:person:7")
    other = world.expiring_account(SOON * 2, external_id="urn:li:person:8")
    world.linkedin.answers.append(failure("invalid_grant"))
    world.maintain_accounts()
    assert world.tokens(other)[0] == "access-2"


def test_account_that_raises_an_exception_does_not_stop_the_next(world: OAuthWorld):
    broken = world.expiring_account(timedelta(days=1), external_id="urn:li:person:7")
    other = world.expiring_account(external_id="urn:li:person:8")
    world.poison_refresh_token(broken)
    world.maintain_accounts()
    assert world.tokens(other)[0] == "access-2"


def test_refresh_token_that_cannot_be_decrypted_counts_as_a_failure(world: OAuthWorld):
    account = world.expiring_account()
    world.poison_refresh_token(account, "sealed by a key that is gone")
    world.maintain_accounts()
    assert used_refresh_tokens(world) == []
    assert world.account_status(account) == "active"
    assert world.column(account, "refresh_failures") == 1


def test_sweep_budget_ends_the_refresh_step(world: OAuthWorld):
    for number in range(3):
        world.expiring_account(external_id=f"urn:li:person:{number}")
    world.linkedin.during_call = lambda: world.clock.advance(seconds=10)
    world.maintain_accounts(seconds=15)
    assert len(used_refresh_tokens(world)) == 2


def test_one_sweep_renews_at_most_one_batch(world: OAuthWorld):
    world.set(sweep_batch_size=2)
    for number in range(3):
        world.expiring_account(external_id=f"urn:li:person:{number}")
    world.maintain_accounts()
    assert len(used_refresh_tokens(world)) == 2


def test_invalid_client_raises_an_alert_that_the_next_success_clears(world: OAuthWorld):
    world.expiring_account()
    world.linkedin.answers.append(failure("invalid_client"))
    world.maintain_accounts()
    assert world.alerts() == {"authorization_refused": "linkedin"}
    world.clock.advance(minutes=5)
    world.maintain_accounts()
    assert world.alerts() == {}


def test_reconnect_during_the_refresh_wins_over_its_answer(world: OAuthWorld):
    account = world.expiring_account()
    world.linkedin.during_call = lambda: world.expiring_account(
        timedelta(days=30), access_token="of-the-owner", refresh="theirs"
    )
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "superseded"
    assert world.tokens(account) == ("of-the-owner", "theirs")
    assert world.access_left(account) == timedelta(days=30)


def test_reconnect_during_the_refresh_is_not_marked_by_its_refusal(world: OAuthWorld):
    account = world.expiring_account()
    world.linkedin.default_answer = failure("invalid_grant")
    world.linkedin.during_call = lambda: world.expiring_account(access_token="of-the-owner", refresh="theirs")
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "superseded"
    assert world.account_status(account) == "active"
    assert world.alerts() == {}


def test_reconnect_during_the_refresh_is_not_delayed_by_its_failure(world: OAuthWorld):
    account = world.expiring_account()
    world.linkedin.answers.append(failure("unreachable"))
    world.linkedin.during_call = lambda: world.expiring_account(access_token="of-the-owner", refresh="theirs")
    world.maintain_accounts()
    assert world.column(account, "refresh_failures") == 0
    world.linkedin.during_call = None
    world.maintain_accounts()
    assert world.tokens(account) == ("access-2", "theirs")


def test_account_removed_during_the_refresh_stays_removed(world: OAuthWorld):
    account = world.expiring_account()
    world.linkedin.during_call = lambda: remove_account(world.deps, USER, account.id)
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "superseded"
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "idle"


def test_concurrent_refresh_is_idle_until_the_lease_ends(world: OAuthWorld):
    account, seen = world.expiring_account(), []
    before = world.clock.now() + AHEAD

    def refresh_again() -> None:
        world.linkedin.during_call = None
        seen.append(refresh(world.deps, account.id, before))
        world.clock.advance(seconds=71)  # the call's limit plus a minute: the first lease is over
        seen.append(refresh(world.deps, account.id, before))

    world.linkedin.answers.extend([grant("late"), grant("second")])
    world.linkedin.during_call = refresh_again
    assert refresh(world.deps, account.id, before) == "superseded"
    assert seen == ["idle", "refreshed"]
    assert world.tokens(account)[0] == "second"


def test_new_tokens_are_stored_after_a_short_database_failure(world: OAuthWorld):
    account = world.expiring_account()
    world.linkedin.during_call = lambda: world.fail_transactions(2)
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "refreshed"
    assert world.tokens(account)[0] == "access-2"


def test_refresh_makes_no_request_if_its_lease_cannot_be_stored(world: OAuthWorld):
    account = world.expiring_account()
    world.fail_transactions(1)
    with pytest.raises(Unavailable):
        refresh(world.deps, account.id, world.clock.now() + AHEAD)
    assert used_refresh_tokens(world) == []


def test_short_lived_access_token_is_not_renewed_at_every_sweep(world: OAuthWorld):
    """Near its own expiry, a refresh token gives short-lived access tokens only."""
    account = world.expiring_account()
    world.linkedin.default_answer = grant(days=2)
    for _ in range(12):
        world.maintain_accounts()
        world.clock.advance(hours=1)
    assert len(used_refresh_tokens(world)) == 1
    world.clock.advance(hours=12)
    world.maintain_accounts()
    assert len(used_refresh_tokens(world)) == 2
    assert world.access_left(account) == timedelta(days=2)


def test_reconnect_mark_set_during_the_refresh_is_cleared_and_held_posts_go_on(world: OAuthWorld):
    """The refused token is not the renewed one."""
    account = world.expiring_account()
    held = world.due()

    def revoke_token() -> None:
        world.require_reconnect()
        world.dispatch(held)

    world.linkedin.during_call = revoke_token
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "refreshed"
    assert world.account_status(account) == "active"
    assert world.read(held).next_attempt_at == world.clock.now()
    assert world.dispatch(held) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-2"


def test_refusal_of_the_old_token_after_renewal_does_not_mark_the_account(world: OAuthWorld):
    account = world.expiring_account()
    post = world.in_flight()
    world.clock.advance(seconds=1)
    world.maintain_accounts()
    world.report_failed(post, http_status=401)
    assert world.account_status(account) == "active"
