"""Records of a delivery: when and why an attempt ended, and the reason shown to the author."""

import logging
from datetime import timedelta

import pytest

from app.delivery.report import Applied
from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched
from app.domain.explanations import SENTENCES
from app.posts import recover, schedule
from app.sweep.sweep import sweep
from tests.support.fakes import answered, not_sent
from tests.support.world import IN_TEN_MINUTES, USER, World

COOLDOWN = timedelta(seconds=60)


def recover_post(world: World, post_id: str, action: recover.Action = "retry", force: bool = False):
    return recover.recover(world.deps, USER, post_id, action, force)


def open_breaker(world: World) -> None:
    """Open the breaker, with the clock at the instant of the due posts."""
    world.set(breaker_threshold=1)
    post = world.due()
    world.publisher.default_reply = not_sent()
    world.dispatch(post)


def test_deferred_post_shows_its_author_the_reason(world: World):
    post = world.scheduled()
    open_breaker(world)
    assert world.dispatch(post) == Dispatched("retry_scheduled", "breaker_open")
    after = world.read(post)
    assert (after.error_code, after.error_message) == ("publisher_unreachable", SENTENCES["publisher_unreachable"])
    assert world.reasons(post)[-1] == "breaker_open"


def test_post_changed_before_its_deferral_is_left_alone(world: World):
    post = world.scheduled()
    open_breaker(world)
    world.at_next_transaction(lambda: world.overwrite(post, generation=post.generation + 1))
    assert world.dispatch(post) == Dispatched("ignored", "changed")
    assert world.read(post).next_attempt_at == post.next_attempt_at


@pytest.mark.parametrize(("timeout", "seconds"), [(10.0, 60.0), (90.0, 90.0)])
def test_probe_blocks_others_for_the_longer_of_cooldown_and_send_timeout(world: World, timeout: float, seconds: float):
    world.set(n8n_timeout_seconds=timeout)
    post = world.scheduled()
    open_breaker(world)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN)
    seen: list[Breaker] = []
    world.publisher.during_send = lambda _: seen.append(world.circuit())
    world.dispatch(post)
    assert [circuit.probe_at for circuit in seen] == [world.clock.now() + timedelta(seconds=seconds)]


def test_rearmed_delivery_is_not_marked_as_swept(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=60))
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    assert world.read(post).swept_at is None


def test_attempt_records_that_its_sender_died_before_the_send(world: World):
    post = world.crashed_before_send()
    sweep(world.deps)
    assert [attempt.error for attempt in world.attempts(post)] == ["the sender died before it began to send"]


def test_published_report_after_cancel_records_its_own_time(world: World):
    post = world.failed()
    schedule.cancel(world.deps, USER, post.id)
    now = world.clock.advance(seconds=30)
    world.report_published(post)
    assert [(attempt.outcome, attempt.finished_at) for attempt in world.attempts(post)] == [("published", now)]


def test_failure_report_for_an_earlier_attempt_records_its_own_time(world: World):
    post = world.expired()
    sweep(world.deps)
    now = world.clock.advance(seconds=30)
    world.report_failed(post, http_status=400, attempt=1)
    assert [(attempt.outcome, attempt.finished_at) for attempt in world.attempts(post)] == [("permanent", now)]


@pytest.mark.parametrize("action", ["retry", "fail"])
def test_manual_recovery_closes_the_open_attempt_as_unknown(world: World, action: recover.Action):
    post = world.expired()
    recover_post(world, post.id, action)
    closed = [(attempt.outcome, attempt.error_code, attempt.finished_at) for attempt in world.attempts(post)]
    assert closed == [("unknown", "outcome_unknown", world.clock.now())]


def test_manual_retry_keeps_the_attempt_records_of_a_held_post(world: World):
    post = world.expired(platform="instagram")
    sweep(world.deps)
    before = world.attempts(post)
    world.clock.advance(hours=1)
    assert recover_post(world, post.id, force=True).status == "scheduled"
    assert world.attempts(post) == before


@pytest.mark.parametrize("act", ["unschedule", "cancel"])
def test_unschedule_and_cancel_are_logged_under_their_own_names(
    world: World, act: str, caplog: pytest.LogCaptureFixture
):
    post = world.scheduled()
    with caplog.at_level(logging.INFO, logger="punctual"):
        getattr(schedule, act)(world.deps, USER, post.id)
    names = {"unschedule": "post.unscheduled", "cancel": "post.cancelled"}
    assert [record.getMessage() for record in caplog.records] == [names[act]]


def test_unknown_outcome_is_recorded_with_code_and_time_and_shown_to_the_author(world: World):
    post = world.expired()
    sweep(world.deps)
    closed = [(attempt.outcome, attempt.error_code, attempt.finished_at) for attempt in world.attempts(post)]
    assert closed == [("unknown", "outcome_unknown", world.clock.now())]
    after = world.read(post)
    assert (after.error_code, after.error_message) == ("outcome_unknown", SENTENCES["outcome_unknown"])


def test_every_held_post_is_counted(world: World):
    world.set(unknown_outcome_policy="hold")
    posts = [world.scheduled() for _ in range(2)]
    world.clock.set(IN_TEN_MINUTES)
    for post in posts:
        world.dispatch(post)
    world.after_lease(posts[-1])
    assert sweep(world.deps).held == 2


def test_post_without_retries_left_shows_its_author_the_reason(world: World):
    world.set(max_retries=0)
    post = world.in_flight()
    world.report_failed(post, http_status=429)
    after = world.read(post)
    assert (after.status, after.error_code) == ("failed", "retries_exhausted")
    assert after.error_message == SENTENCES["retries_exhausted"]


def test_failure_of_a_first_attempt_is_not_taken_for_a_replay(world: World):
    post = world.in_flight(platform="instagram")
    assert world.report_failed(post, http_status=429) == Applied(True, "scheduled")


def test_permanent_failure_without_attempt_is_applied_to_a_later_attempt(world: World):
    post = world.due(platform="instagram")
    world.publisher.answers(answered(500))
    world.dispatch(post)
    world.at_due(post)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.report_failed(post, http_status=400) == Applied(True, "failed")
