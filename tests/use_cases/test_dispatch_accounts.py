"""What the account of a post decides: on hold, released, gone, unreadable; and the operator's limit on lateness."""

from datetime import timedelta

import pytest

from app.delivery.settle import Dispatched
from app.domain.post import Post
from app.posts import drafts, schedule
from app.store.accounts import accounts
from tests.support.world import IN_TEN_MINUTES, USER, World


def held(world: World) -> Post:
    post = world.due()
    world.token_is_refused()
    world.dispatch(post)
    return world.read(post)


def test_a_post_whose_account_must_be_reconnected_is_held_unsent_at_no_cost(world: World):
    post = world.due()
    world.token_is_refused()
    assert world.dispatch(post) == Dispatched("retry_scheduled", "account_on_hold")
    now = world.read(post)
    assert (now.status, now.retry_count, now.attempt) == ("scheduled", 0, 0)
    assert now.next_attempt_at == IN_TEN_MINUTES + timedelta(minutes=15)
    assert (now.scheduled_at, now.error_code) == (IN_TEN_MINUTES, "reconnect_required")
    assert world.publisher.submissions == []


def test_a_new_token_releases_the_held_posts_and_they_go_out_with_it(world: World):
    post = held(world)
    world.clock.advance(seconds=30)
    drafts.change_account(world.deps, USER, world.account.id, {"access_token": "token-2"})
    released = world.read(post)
    assert released.next_attempt_at == world.clock.now()
    assert (released.error_code, released.armed, world.account_status()) == (None, True, "active")
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.publisher.submissions[0].access_token == "token-2"
    assert world.reasons(post)[-2:] == ["account_reconnected", "claimed"]


def test_connecting_the_same_account_again_releases_too_and_keeps_the_account(world: World):
    post = held(world)
    assert world.connect(token="token-2").id == world.account.id
    assert world.read(post).error_code is None


def test_a_release_brings_no_post_out_before_its_promise(world: World):
    post = world.scheduled()
    world.token_is_refused()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=2))
    world.dispatch(post)
    assert world.wait_of(post) > 2
    world.connect(token="token-2")
    assert world.read(post).next_attempt_at == IN_TEN_MINUTES


def test_a_change_without_a_token_releases_nothing(world: World):
    post = held(world)
    drafts.change_account(world.deps, USER, world.account.id, {"account_name": "Anna"})
    assert world.read(post) == post
    assert world.account_status() == "reconnect_required"


def test_posts_that_wait_for_something_else_are_not_released(world: World):
    post = world.scheduled()
    drafts.change_account(world.deps, USER, world.account.id, {"access_token": "token-2"})
    assert world.read(post) == post


def test_a_post_whose_account_is_gone_fails_with_a_reason_at_its_instant_and_not_before(world: World):
    post = world.scheduled()
    world.overwrite(post, social_account_id=None)
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    assert world.dispatch(post) == Dispatched("failed", "account_missing")
    assert world.clock.slept_until == [IN_TEN_MINUTES]
    now = world.read(post)
    assert (now.status, now.error_code, now.retry_count) == ("failed", "account_missing", 0)
    (attempt,) = world.attempts(post)
    assert (attempt.outcome, attempt.sent_at, attempt.lateness_ms) == ("permanent", None, None)
    assert world.publisher.submissions == []


def test_a_token_that_no_key_opens_fails_the_post_with_the_same_reason(world: World):
    post = world.due()
    with world.db.transaction() as tx:
        accounts.change(tx, world.account.id, USER, {"access_token": "garbage"}, world.clock.now())
    assert world.dispatch(post) == Dispatched("failed", "account_missing")


def test_without_a_vault_no_token_can_be_opened(world: World):
    post = world.due()
    world.with_deps(vault=None)
    assert world.dispatch(post) == Dispatched("failed", "account_missing")


@pytest.mark.parametrize(("late", "status"), [(3600, "dispatched"), (3600.001, "failed")])
def test_a_post_later_than_the_operator_allows_is_missed_instead_of_sent(world: World, late: float, status: str):
    world.set(max_lateness_seconds=3600.0)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=late))
    assert world.dispatch(post).status == status
    assert len(world.publisher.submissions) == (status == "dispatched")


def test_a_missed_post_says_so_and_spends_nothing(world: World):
    world.set(max_lateness_seconds=1.0)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(hours=1))
    assert world.dispatch(post) == Dispatched("failed", "missed")
    now = world.read(post)
    assert (now.error_code, now.retry_count, world.attempts(post)[0].sent_at) == ("missed", 0, None)


def test_without_a_limit_no_post_is_too_late(world: World):
    post = world.scheduled()
    world.clock.advance(days=300)
    assert world.dispatch(post) == Dispatched("dispatched")


def test_a_retry_by_hand_is_a_wish_for_now_and_not_missed(world: World):
    world.set(max_lateness_seconds=60.0)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(hours=1))
    world.dispatch(post)
    again = schedule.recover(world.deps, USER, post.id, "retry", False)
    world.clock.advance(seconds=60)
    assert world.dispatch(again) == Dispatched("dispatched")
    assert world.read(post).scheduled_at == IN_TEN_MINUTES


def test_a_retry_by_hand_can_come_too_late_itself(world: World):
    world.set(max_lateness_seconds=60.0)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(hours=1))
    world.dispatch(post)
    again = schedule.recover(world.deps, USER, post.id, "retry", False)
    world.clock.advance(seconds=61)
    assert world.dispatch(again) == Dispatched("failed", "missed")
