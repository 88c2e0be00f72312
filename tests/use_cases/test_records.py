"""What is written down on the way, for whoever asks later: when an attempt was over, why, and what the author reads."""

import logging
from datetime import timedelta

import pytest

from app.delivery.report import Applied
from app.delivery.settle import Dispatched
from app.domain.breaker import Breaker
from app.domain.explanations import SENTENCES
from app.posts import schedule
from app.sweep.sweep import sweep
from tests.support.fakes import answered, not_sent
from tests.support.world import IN_TEN_MINUTES, USER, World

COOLDOWN = timedelta(seconds=60)


def recover(world: World, post_id: str, action: str = "retry", force: bool = False):
    return schedule.recover(world.deps, USER, post_id, action, force)


def opened(world: World) -> None:
    """The breaker is open, and the clock at the instant of the posts that are due."""
    world.set(breaker_threshold=1)
    post = world.due()
    world.publisher.usual = not_sent()
    world.dispatch(post)


def test_a_post_that_only_waits_tells_its_author_why(world: World):
    post = world.scheduled()
    opened(world)
    assert world.dispatch(post) == Dispatched("retry_scheduled", "breaker_open")
    now = world.read(post)
    assert (now.error_code, now.error_message) == ("publisher_unreachable", SENTENCES["publisher_unreachable"])
    assert world.reasons(post)[-1] == "breaker_open"


def test_a_post_that_moved_before_it_could_be_deferred_is_left_alone(world: World):
    post = world.scheduled()
    opened(world)
    world.at_next_transaction(lambda: world.overwrite(post, generation=post.generation + 1))
    assert world.dispatch(post) == Dispatched("ignored", "changed")
    assert world.read(post).next_attempt_at == post.next_attempt_at


@pytest.mark.parametrize(("timeout", "seconds"), [(10.0, 60.0), (90.0, 90.0)])
def test_a_probe_shuts_the_others_out_for_the_cooldown_or_as_long_as_its_send_may_take(
    world: World, timeout: float, seconds: float
):
    world.set(n8n_timeout_seconds=timeout)
    post = world.scheduled()
    opened(world)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN)
    seen: list[Breaker] = []
    world.publisher.during_send = lambda _: seen.append(world.circuit())
    world.dispatch(post)
    assert [circuit.probe_at for circuit in seen] == [world.clock.now() + timedelta(seconds=seconds)]


def test_a_delivery_that_is_armed_again_counts_as_no_sweep(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=60))
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    assert world.read(post).swept_at is None


def test_a_sender_that_died_before_its_send_is_said_to_have_died(world: World):
    post = world.died_unsent()
    sweep(world.deps)
    assert [attempt.error for attempt in world.attempts(post)] == ["the sender died before it began to send"]


def test_a_second_report_that_a_cancelled_post_is_out_has_its_own_instant(world: World):
    post = world.failed()
    schedule.cancel(world.deps, USER, post.id)
    now = world.clock.advance(seconds=30)
    world.report_published(post)
    assert [(attempt.outcome, attempt.finished_at) for attempt in world.attempts(post)] == [("published", now)]


def test_a_failure_told_of_an_earlier_attempt_has_its_own_instant(world: World):
    post = world.expired()
    sweep(world.deps)
    now = world.clock.advance(seconds=30)
    world.report_failed(post, http_status=400, attempt=1)
    assert [(attempt.outcome, attempt.finished_at) for attempt in world.attempts(post)] == [("permanent", now)]


@pytest.mark.parametrize("action", ["retry", "fail"])
def test_an_attempt_that_a_person_gives_up_is_closed_as_unknown(world: World, action: str):
    post = world.expired()
    recover(world, post.id, action)
    closed = [(attempt.outcome, attempt.error_code, attempt.finished_at) for attempt in world.attempts(post)]
    assert closed == [("unknown", "outcome_unknown", world.clock.now())]


def test_a_retry_by_hand_leaves_the_record_of_a_held_post_as_it_was(world: World):
    post = world.expired(platform="instagram")
    sweep(world.deps)
    before = world.attempts(post)
    world.clock.advance(hours=1)
    assert recover(world, post.id, force=True).status == "scheduled"
    assert world.attempts(post) == before


@pytest.mark.parametrize("act", ["unschedule", "cancel"])
def test_what_an_author_calls_off_is_logged_under_its_own_name(
    world: World, act: str, caplog: pytest.LogCaptureFixture
):
    post = world.scheduled()
    with caplog.at_level(logging.INFO, logger="punctual"):
        getattr(schedule, act)(world.deps, USER, post.id)
    names = {"unschedule": "post.unscheduled", "cancel": "post.cancelled"}
    assert [record.getMessage() for record in caplog.records] == [names[act]]


def test_an_unknown_outcome_is_written_down_with_its_code_and_instant_and_told_to_the_author(world: World):
    post = world.expired()
    sweep(world.deps)
    closed = [(attempt.outcome, attempt.error_code, attempt.finished_at) for attempt in world.attempts(post)]
    assert closed == [("unknown", "outcome_unknown", world.clock.now())]
    now = world.read(post)
    assert (now.error_code, now.error_message) == ("outcome_unknown", SENTENCES["outcome_unknown"])


def test_every_post_that_is_held_is_counted(world: World):
    world.set(unknown_outcome_policy="hold")
    posts = [world.scheduled() for _ in range(2)]
    world.clock.set(IN_TEN_MINUTES)
    for post in posts:
        world.dispatch(post)
    world.after_lease(posts[-1])
    assert sweep(world.deps).held == 2


def test_a_post_that_has_no_try_left_says_so_to_its_author(world: World):
    world.set(max_retries=0)
    post = world.in_flight()
    world.report_failed(post, http_status=500)
    now = world.read(post)
    assert (now.status, now.error_code) == ("failed", "retries_exhausted")
    assert now.error_message == SENTENCES["retries_exhausted"]


def test_a_first_attempts_failure_is_no_replay_of_an_earlier_one(world: World):
    post = world.in_flight(platform="instagram")
    assert world.report_failed(post, http_status=500) == Applied(True, "scheduled")


def test_a_final_refusal_is_believed_of_a_later_attempt_too_for_it_sends_nothing_again(world: World):
    post = world.due(platform="instagram")
    world.publisher.answers(answered(500))
    world.dispatch(post)
    world.at_due(post)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.report_failed(post, http_status=400) == Applied(True, "failed")
