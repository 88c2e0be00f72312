"""A claim that ended unsent: its attempt does not look sent, and the post goes out again or is held without a cost."""

from datetime import timedelta

import pytest

from app.domain.delivery import Dispatched
from app.domain.errors import Conflict
from app.domain.resend import unproven_since
from app.posts.recover import recover
from app.sweep.sweep import sweep
from tests.support.fakes import unknown
from tests.support.world import IN_TEN_MINUTES, USER, World

PLATFORMS = ["linkedin", "facebook", "instagram"]
FROZEN = [timedelta(seconds=450), timedelta(seconds=480), timedelta(hours=2)]


def freeze_after_claim(world: World, duration: timedelta) -> None:
    world.at_next_commit(lambda: world.clock.advance(seconds=duration.total_seconds()))


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("duration", FROZEN)
def test_post_of_a_frozen_sender_is_released_at_once_at_no_cost(world: World, platform: str, duration: timedelta):
    post = world.due(platform=platform)
    freeze_after_claim(world, duration)
    assert world.dispatch(post) == Dispatched("retry_scheduled")
    after = world.read(post)
    assert (after.status, after.retry_count, after.error_code) == ("scheduled", 0, None)
    assert (after.next_attempt_at, after.armed, after.sending_at) == (world.clock.now(), True, None)
    [attempt] = world.attempts(post)
    assert (attempt.outcome, attempt.sent_at, attempt.lateness_ms) == ("not_sent", None, None)
    assert attempt.finished_at == world.clock.now()
    assert world.reasons(post)[-1] == "not_sent"
    assert world.dispatch(after) == Dispatched("dispatched")
    assert len(world.publisher.submissions) == 1


@pytest.mark.parametrize("duration", [timedelta(seconds=1), timedelta(seconds=449)])
def test_sender_frozen_for_less_than_its_lease_allows_sends(world: World, duration: timedelta):
    post = world.due()
    freeze_after_claim(world, duration)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert len(world.publisher.submissions) == 1


@pytest.mark.parametrize("platform", PLATFORMS)
def test_sweep_that_ended_the_lease_first_is_corrected_by_the_sender(world: World, platform: str):
    post = world.due(platform=platform)

    def freeze() -> None:
        world.clock.advance(seconds=481)
        world.at_next_transaction(lambda: sweep(world.deps))

    world.at_next_commit(freeze)
    assert world.dispatch(post) == Dispatched("ignored", "lease_over")
    [attempt] = world.attempts(post)
    assert (attempt.outcome, attempt.sent_at) == ("not_sent", None)
    assert unproven_since(world.attempts(post)) is None
    if world.read(post).status == "failed":  # held by the sweep, which could not know
        recover(world.deps, USER, post.id, "retry", False)
    assert world.dispatch(world.read(post)) == Dispatched("dispatched")
    assert len(world.publisher.submissions) == 1


def test_report_of_a_later_attempt_is_not_undone_by_the_sender(world: World):
    post = world.due()

    def freeze() -> None:
        world.clock.advance(seconds=481)
        world.at_next_transaction(send_and_report)

    def send_and_report() -> None:
        sweep(world.deps)
        world.dispatch(world.read(post))
        world.report_published(post, attempt=2)

    world.at_next_commit(freeze)
    assert world.dispatch(post) == Dispatched("ignored", "lease_over")
    assert world.read(post).status == "published"
    assert world.outcomes(post) == ["not_sent", "published"]
    assert len(world.publisher.submissions) == 1


def test_retry_held_between_claim_and_send_does_not_look_sent(world: World):
    post = world.due()
    world.publisher.answers(unknown())
    world.dispatch(post)
    world.report_failed(post, http_status=500)
    world.at_due(post)
    world.at_next_commit(lambda: world.clock.set(IN_TEN_MINUTES + timedelta(minutes=9)))
    assert world.dispatch(world.read(post)) == Dispatched("failed", "outcome_unknown")
    first, second = world.attempts(post)
    assert first.sent_at is not None
    assert (second.outcome, second.sent_at, second.lateness_ms) == ("permanent", None, None)
    assert world.read(post).retry_count == 1  # of the first attempt alone
    with pytest.raises(Conflict):  # the first one may be out
        recover(world.deps, USER, post.id, "retry", False)


def test_database_away_at_the_release_leaves_the_post_to_the_end_of_its_lease(world: World):
    post = world.due()

    def freeze() -> None:
        world.clock.advance(seconds=480)
        world.fail_transactions(100)

    world.at_next_commit(freeze)
    assert world.dispatch(post) == Dispatched("dispatched", "not_settled")
    world.fail_transactions(0)
    world.clock.advance(seconds=30)
    assert sweep(world.deps).expired == 1
