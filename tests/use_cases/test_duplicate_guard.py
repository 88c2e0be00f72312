"""An unknown LinkedIn attempt is retried only while the platform refuses a duplicate, whatever delays the retry."""

from datetime import datetime, timedelta

import pytest

from app.delivery.report import Applied, grant_execution_claim
from app.domain.delivery import Dispatched
from app.domain.errors import Conflict
from app.domain.post import Post
from app.posts import drafts
from app.posts.recover import recover
from app.posts.schedule import schedule
from app.sweep.sweep import sweep
from tests.support.fakes import answered
from tests.support.world import IN_TEN_MINUTES, USER, World

GUARD = timedelta(minutes=9)
HELD = Dispatched("failed", "outcome_unknown")


def reported_unknown(world: World, **fields: int | str) -> Post:
    """Return a LinkedIn post whose report says nothing of its outcome, waiting for its retry."""
    post = world.in_flight()
    assert world.report_failed(post, attempt=1, **fields) == Applied(True, "scheduled")
    return world.read(post)


@pytest.mark.parametrize(
    "fields", [{}, {"http_status": 500}, {"http_status": 504}, {"error_code": "ETIMEDOUT"}, {"error": "no"}], ids=str
)
def test_unknown_report_is_retried_on_linkedin_by_the_usual_backoff(world: World, fields: dict):
    post = reported_unknown(world, **fields)
    assert (post.retry_count, post.next_attempt_at) == (1, IN_TEN_MINUTES + timedelta(minutes=2))
    assert (post.error_code, post.armed, world.outcomes(post)) == ("outcome_unknown", True, ["unknown"])
    with pytest.raises(Conflict) as refused:
        drafts.edit_post(world.deps, USER, post.id, {"content": "Another text"})
    assert refused.value.code == "outcome_unknown"


@pytest.mark.parametrize("platform", ["facebook", "instagram"])
@pytest.mark.parametrize(
    "fields", [{}, {"http_status": 500}, {"error_code": "ETIMEDOUT"}, {"error_code": "2"}], ids=str
)
def test_unknown_report_of_another_platform_stays_publishing_until_the_lease_ends(
    world: World, platform: str, fields: dict
):
    post = world.in_flight(platform=platform)
    assert world.report_failed(post, attempt=1, **fields) == Applied(False, "publishing")
    assert world.outcomes(post) == ["unknown"]
    assert world.read(post).lease_until == post.lease_until
    world.after_lease(post)
    assert sweep(world.deps).held == 1
    assert world.report_published(post, attempt=1) == Applied(True, "published")


def test_retryable_failure_after_a_granted_claim_is_held_on_facebook(world: World):
    post = world.in_flight(platform="facebook")
    grant_execution_claim(world.deps, post.id, 1)
    assert world.report_failed(post, attempt=1, http_status=500, retryable=True) == Applied(False, "publishing")
    assert world.report_failed(post, attempt=1, http_status=400) == Applied(True, "failed")


def test_retry_after_the_guard_is_not_even_scheduled(world: World):
    post = world.in_flight()
    world.clock.set(IN_TEN_MINUTES + GUARD - timedelta(minutes=2))
    world.overwrite(post, lease_until=world.clock.now() + timedelta(minutes=5))
    assert world.report_failed(post, attempt=1) == Applied(False, "publishing")
    world.after_lease(post)
    assert sweep(world.deps).held == 1


@pytest.mark.parametrize("late_by", [timedelta(0), timedelta(minutes=1), timedelta(days=1)])
@pytest.mark.parametrize("trigger", ["message", "sweep", "poll"])
def test_delayed_retry_is_held_once_the_guard_is_over(world: World, trigger, late_by: timedelta):
    post = reported_unknown(world)
    world.clock.set(IN_TEN_MINUTES + GUARD + late_by)
    assert world.dispatch(post, trigger) == HELD
    after = world.read(post)
    assert (after.status, after.error_code, after.retry_count) == ("failed", "outcome_unknown", 1)
    assert len(world.publisher.submissions) == 1
    assert world.outcomes(post) == ["unknown", "permanent"]


def test_retry_just_within_the_guard_is_sent(world: World):
    post = reported_unknown(world)
    world.clock.set(IN_TEN_MINUTES + GUARD - timedelta(seconds=1))
    assert world.dispatch(post) == Dispatched("dispatched")


def test_retry_frozen_between_claim_and_send_is_held(world: World):
    post = reported_unknown(world)
    world.at_due(post)
    world.at_next_commit(lambda: world.clock.set(IN_TEN_MINUTES + GUARD))
    assert world.dispatch(post) == HELD
    assert len(world.publisher.submissions) == 1


def test_known_failures_after_an_unknown_attempt_do_not_prolong_the_guard(world: World):
    post = reported_unknown(world)
    world.at_due(post)
    world.publisher.answers(answered(503))
    assert world.dispatch(post).status == "retry_scheduled"
    world.at_due(post)  # two and four minutes after the first send
    world.publisher.answers(answered(503))
    assert world.dispatch(post).status == "retry_scheduled"
    world.at_due(post)  # fourteen minutes after it
    assert world.dispatch(post) == HELD


def test_open_breaker_does_not_keep_a_post_past_its_guard(world: World):
    world.set(breaker_threshold=1)
    post = reported_unknown(world)
    other = world.scheduled(IN_TEN_MINUTES)
    world.publisher.answers(answered(503))
    world.dispatch(other)
    world.clock.set(IN_TEN_MINUTES + GUARD)
    assert world.dispatch(post) == HELD


def test_attempt_proved_absent_frees_the_post(world: World):
    post = reported_unknown(world)
    assert world.report_failed(post, attempt=1, http_status=400) == Applied(False, "scheduled")
    world.clock.set(IN_TEN_MINUTES + timedelta(hours=1))
    assert world.dispatch(post) == Dispatched("dispatched")


def test_send_stamped_by_a_clock_an_hour_ahead_is_not_taken_for_young(world: World):
    post = reported_unknown(world)
    world.overwrite_attempt(post, 1, sent_at=IN_TEN_MINUTES + timedelta(hours=1))
    world.at_due(post)
    assert world.dispatch(post) == HELD


def schedule_at(world: World, post: Post, at: datetime, *, force: bool = False) -> Post:
    return schedule(world.deps, USER, post.id, at.isoformat(), None, 0, force).post


def test_reschedule_past_the_guard_needs_force_and_is_then_sent(world: World):
    post = reported_unknown(world)
    tomorrow = IN_TEN_MINUTES + timedelta(days=1)
    with pytest.raises(Conflict) as refused:
        schedule_at(world, post, tomorrow)
    assert refused.value.code == "force_required"
    again = schedule_at(world, post, tomorrow, force=True)
    assert world.reasons(post)[-1] == "scheduled_by_force"
    world.clock.set(tomorrow)
    assert world.dispatch(again) == Dispatched("dispatched")


def test_reschedule_within_the_guard_needs_no_force_but_is_held_if_it_is_late(world: World):
    post = reported_unknown(world)
    again = schedule_at(world, post, IN_TEN_MINUTES + timedelta(minutes=3))
    world.clock.set(IN_TEN_MINUTES + GUARD)
    assert world.dispatch(again) == HELD


def test_forced_retry_by_hand_is_sent_and_guards_its_own_attempts(world: World):
    post = world.expired(platform="facebook")
    sweep(world.deps)
    with pytest.raises(Conflict):
        recover(world.deps, USER, post.id, "retry", False)
    again = recover(world.deps, USER, post.id, "retry", True)
    assert world.reasons(post)[-1] == "retried_by_force"
    assert world.dispatch(again) == Dispatched("dispatched")
    assert world.attempts(post)[-1].trigger == "manual"
    world.after_lease(post)
    assert sweep(world.deps).held == 1


def test_force_without_an_unknown_attempt_is_an_ordinary_order(world: World):
    post = world.failed()
    schedule_at(world, post, IN_TEN_MINUTES + timedelta(days=1), force=True)
    assert world.reasons(post)[-1] == "scheduled"


def test_retry_pending_from_before_the_policy_became_hold_is_held(world: World):
    post = reported_unknown(world)
    world.set(unknown_outcome_policy="hold")
    world.at_due(post)
    assert world.dispatch(post) == HELD
