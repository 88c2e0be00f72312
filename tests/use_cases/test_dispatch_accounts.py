"""A delivery and its account: on hold, released, missing or undecryptable. Also the lateness limit."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.accounts.accounts import change_account
from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.operations.status import scheduler_status
from app.posts import recover
from app.store.accounts import accounts
from tests.support.world import IN_TEN_MINUTES, USER, World


def hold_post(world: World) -> Post:
    post = world.due()
    world.require_reconnect()
    world.dispatch(post)
    return world.read(post)


def test_post_of_account_that_needs_reconnect_is_held_at_no_cost(world: World):
    post = world.due()
    world.require_reconnect()
    assert world.dispatch(post) == Dispatched("retry_scheduled", "account_on_hold")
    after = world.read(post)
    assert (after.status, after.retry_count, after.attempt) == ("scheduled", 0, 0)
    assert after.next_attempt_at == IN_TEN_MINUTES + timedelta(minutes=15)
    assert (after.scheduled_at, after.error_code) == (IN_TEN_MINUTES, "reconnect_required")
    assert world.publisher.submissions == []


def test_new_token_releases_held_posts_and_is_sent_with_them(world: World):
    post = hold_post(world)
    world.clock.advance(seconds=30)
    change_account(world.deps, USER, world.account.id, {"access_token": "token-2"})
    released = world.read(post)
    assert released.next_attempt_at == world.clock.now()
    assert (released.error_code, released.armed, world.account_status()) == (None, True, "active")
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.publisher.submissions[0].access_token == "token-2"
    assert world.reasons(post)[-2:] == ["account_reconnected", "claimed"]


def test_reconnect_releases_held_posts_and_keeps_the_account_id(world: World):
    post = hold_post(world)
    assert world.connect(token="token-2").id == world.account.id
    assert world.read(post).error_code is None


def test_release_sends_no_post_before_its_scheduled_time(world: World):
    post = world.scheduled()
    world.require_reconnect()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=2))
    world.dispatch(post)
    assert world.seconds_until_due(post) > 2
    world.connect(token="token-2")
    assert world.read(post).next_attempt_at == IN_TEN_MINUTES


def test_account_change_without_token_releases_nothing(world: World):
    post = hold_post(world)
    change_account(world.deps, USER, world.account.id, {"account_name": "Anna"})
    assert world.read(post) == post
    assert world.account_status() == "reconnect_required"


def test_new_token_leaves_posts_that_were_not_held_unchanged(world: World):
    post = world.scheduled()
    change_account(world.deps, USER, world.account.id, {"access_token": "token-2"})
    assert world.read(post) == post


def test_post_without_account_fails_at_its_instant_with_a_reason(world: World):
    post = world.scheduled()
    world.overwrite(post, social_account_id=None)
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    assert world.dispatch(post) == Dispatched("failed", "account_missing")
    assert world.clock.slept_until == [IN_TEN_MINUTES]
    after = world.read(post)
    assert (after.status, after.error_code, after.retry_count) == ("failed", "account_missing", 0)
    (attempt,) = world.attempts(post)
    assert (attempt.outcome, attempt.sent_at, attempt.lateness_ms) == ("permanent", None, None)
    assert world.publisher.submissions == []


def lose_keys(world: World) -> None:
    world.with_deps(vault=None)


def change_keys(world: World) -> None:
    with world.db.transaction() as tx:
        accounts.change(tx, world.account.id, USER, {"access_token": "garbage"}, world.clock.now())


@pytest.mark.parametrize("slip", [lose_keys, change_keys])
def test_post_waits_with_an_alert_while_no_key_decrypts_its_token(world: World, slip: Callable[[World], None]):
    post, vault = world.due(), world.deps.vault
    slip(world)
    assert world.dispatch(post) == Dispatched("retry_scheduled", "tokens_unreadable")
    after = world.read(post)
    assert (after.status, after.error_code, after.retry_count) == ("scheduled", "installation_misconfigured", 0)
    assert (world.attempts(post), world.alerts()) == ([], {"tokens_unreadable": "TOKEN_ENCRYPTION_KEYS"})
    world.with_deps(vault=vault)
    world.connect(token="token-2")
    world.at_due(post)
    assert world.dispatch(world.read(post)) == Dispatched("dispatched")


def test_wait_for_keys_grows_from_the_cooldown_to_five_minutes(world: World):
    post = world.due()
    world.with_deps(vault=None)
    waits = []
    for _ in range(8):
        assert world.dispatch(world.read(post)).reason == "tokens_unreadable"
        waits.append(world.seconds_until_due(post))
        world.at_due(post)
    assert (waits[0], waits[-1]) == (66.0, 330.0)  # with half of the spread of 20 %
    assert waits == sorted(waits)


def test_alert_about_keys_ends_with_the_next_accepted_send(world: World):
    post, vault = world.due(), world.deps.vault
    world.with_deps(vault=None)
    world.dispatch(post)
    world.with_deps(vault=vault)
    world.at_due(post)
    assert world.dispatch(world.read(post)) == Dispatched("dispatched")
    assert scheduler_status(world.deps)["alerts"] == []


def test_post_past_its_maximum_lateness_is_missed_though_no_key_decrypts_its_token(world: World):
    world.set(max_lateness_seconds=60.0)
    post = world.due()
    world.with_deps(vault=None)
    world.clock.advance(seconds=61)
    assert world.dispatch(post) == Dispatched("failed", "missed")


@pytest.mark.parametrize(("late", "status"), [(3600, "dispatched"), (3600.001, "failed")])
def test_post_over_the_lateness_limit_is_missed(world: World, late: float, status: str):
    world.set(max_lateness_seconds=3600.0)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=late))
    assert world.dispatch(post).status == status
    assert len(world.publisher.submissions) == (status == "dispatched")


def test_missed_post_records_its_reason_and_spends_no_retry(world: World):
    world.set(max_lateness_seconds=1.0)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(hours=1))
    assert world.dispatch(post) == Dispatched("failed", "missed")
    after = world.read(post)
    assert (after.error_code, after.retry_count, world.attempts(post)[0].sent_at) == ("missed", 0, None)


def test_without_a_lateness_limit_a_post_is_always_sent(world: World):
    post = world.scheduled()
    world.clock.advance(days=300)
    assert world.dispatch(post) == Dispatched("dispatched")


def test_manual_retry_measures_lateness_from_the_retry(world: World):
    world.set(max_lateness_seconds=60.0)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(hours=1))
    world.dispatch(post)
    again = recover.recover(world.deps, USER, post.id, "retry", False)
    world.clock.advance(seconds=60)
    assert world.dispatch(again) == Dispatched("dispatched")
    assert world.read(post).scheduled_at == IN_TEN_MINUTES


def test_manual_retry_over_the_lateness_limit_is_missed(world: World):
    world.set(max_lateness_seconds=60.0)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(hours=1))
    world.dispatch(post)
    again = recover.recover(world.deps, USER, post.id, "retry", False)
    world.clock.advance(seconds=61)
    assert world.dispatch(again) == Dispatched("failed", "missed")
