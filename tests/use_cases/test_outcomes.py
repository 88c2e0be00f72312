"""The outcome table: what each answer of n8n does to the post, its budget, its next instant and the operators."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from app.delivery.settle import Dispatched
from app.domain.ports import Reply
from tests.support.fakes import answered, not_sent, unknown
from tests.support.world import IN_TEN_MINUTES, World

RETRIED = {
    "refused connection": (not_sent(), "publisher_unreachable", "not_sent", None, None),
    "429": (answered(429), "publisher_busy", "transient", 429, None),
    "408": (answered(408), "publisher_busy", "transient", 408, None),
    "500": (answered(500), "publisher_error", "transient", 500, None),
    "503": (answered(503), "publisher_error", "transient", 503, None),
    "404": (answered(404), "workflow_inactive", "transient", 404, "workflow_inactive"),
    "401": (answered(401), "publisher_refuses_us", "transient", 401, "publisher_refuses_us"),
    "403": (answered(403), "publisher_refuses_us", "transient", 403, "publisher_refuses_us"),
    "302": (answered(302), "workflow_inactive", "transient", 302, "workflow_inactive"),
}


@pytest.mark.parametrize("case", RETRIED)
def test_a_transient_refusal_is_tried_again_in_two_minutes_and_counts_one(world: World, case: str):
    reply, code, outcome, http_status, alert = RETRIED[case]
    post = world.due()
    world.publisher.answers(reply)
    assert world.dispatch(post) == Dispatched("retry_scheduled", code)
    now = world.read(post)
    assert (now.status, now.retry_count, now.attempt, now.generation) == ("scheduled", 1, 1, 1)
    assert now.next_attempt_at == IN_TEN_MINUTES + timedelta(minutes=2)
    assert (now.scheduled_at, now.error_code) == (IN_TEN_MINUTES, code)
    assert now.error_message
    assert (now.lease_until, now.sending_at) == (None, None)
    (attempt,) = world.attempts(post)
    assert (attempt.outcome, attempt.http_status, attempt.error_code) == (outcome, http_status, code)
    assert attempt.finished_at == IN_TEN_MINUTES
    assert world.alerts() == ({alert: "n8n"} if alert else {})


@pytest.mark.parametrize("case", RETRIED)
def test_a_post_to_be_tried_again_is_armed_for_its_new_instant(world: World, case: str):
    post = world.due()
    world.publisher.answers(RETRIED[case][0])
    world.dispatch(post)
    now = world.read(post)
    assert now.armed
    alarm = world.messages.pending[str(now.message_id)]
    assert (alarm.post_id, alarm.generation, alarm.arm_count) == (post.id, 1, 2)
    assert alarm.not_before == int(IN_TEN_MINUTES.timestamp()) + 120 - 1


@pytest.mark.parametrize("status", [400, 413, 422, 409])
def test_a_permanent_refusal_fails_the_post_with_a_reason_and_is_not_tried_again(world: World, status: int):
    post = world.due()
    world.publisher.answers(answered(status, body="too long"))
    assert world.dispatch(post) == Dispatched("failed", "rejected_by_publisher")
    now = world.read(post)
    assert (now.status, now.error_code, now.next_attempt_at) == ("failed", "rejected_by_publisher", None)
    assert now.error_message
    assert now.retry_count == 1
    (attempt,) = world.attempts(post)
    assert (attempt.outcome, attempt.http_status, attempt.error) == ("permanent", status, "too long")
    assert world.messages.pending.keys() == {"msg_1"}


@pytest.mark.parametrize("reply", [unknown(), answered(524)], ids=["read timeout", "524"])
def test_where_nobody_can_know_the_post_stays_publishing_until_the_lease_ends(world: World, reply: Reply):
    post = world.due()
    world.publisher.answers(reply)
    assert world.dispatch(post) == Dispatched("dispatched", "unknown")
    now = world.read(post)
    assert (now.status, now.retry_count) == ("publishing", 0)
    assert now.lease_until == IN_TEN_MINUTES + timedelta(seconds=600)
    assert now.sending_at == IN_TEN_MINUTES
    assert world.outcomes(post) == ["unknown"]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_accepted_is_not_published_and_renews_the_lease_for_the_report(world: World, status: int):
    post = world.due()
    world.publisher.during_send = lambda _: world.clock.advance(seconds=20)
    world.publisher.answers(answered(status))
    assert world.dispatch(post) == Dispatched("dispatched")
    now = world.read(post)
    assert (now.status, now.published_at) == ("publishing", None)
    assert now.lease_until == IN_TEN_MINUTES + timedelta(seconds=620)
    assert world.attempts(post)[0].sent_at == IN_TEN_MINUTES


def test_the_waits_double_from_two_minutes_and_then_the_post_fails(world: World):
    post = world.due()
    world.publisher.usual = answered(429)
    waits = []
    for _ in range(3):
        assert world.dispatch(post).status == "retry_scheduled"
        waits.append(world.wait_of(post))
        world.at_due(post)
    assert waits == [120, 240, 480]
    assert world.dispatch(post) == Dispatched("failed", "retries_exhausted")
    now = world.read(post)
    assert (now.status, now.error_code, now.retry_count, now.attempt) == ("failed", "retries_exhausted", 4, 4)
    assert now.scheduled_at == IN_TEN_MINUTES
    assert world.outcomes(post) == ["transient"] * 4


@pytest.mark.parametrize(("random", "seconds"), [(0.0, 108), (0.5, 120), (0.9999999, 132)])
def test_a_retry_is_jittered_by_a_tenth_at_most(world: World, random: float, seconds: float):
    world.with_deps(random=lambda: random)
    post = world.due()
    world.publisher.answers(answered(500))
    world.dispatch(post)
    assert world.wait_of(post) == pytest.approx(seconds, abs=0.001)


def test_the_first_firing_has_no_jitter(world: World):
    world.with_deps(random=lambda: 0.99)
    assert world.scheduled().next_attempt_at == IN_TEN_MINUTES


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("600", 600),
        ("30", 120),
        ("999999", 3600),
        (format_datetime(IN_TEN_MINUTES + timedelta(minutes=15), usegmt=True), 900),
        ("soon", 120),
    ],
    ids=["longer", "shorter", "clamped", "date", "unreadable"],
)
def test_retry_after_is_honoured_and_clamped(world: World, retry_after: str, seconds: int):
    post = world.due()
    world.publisher.answers(answered(429, retry_after=retry_after))
    world.dispatch(post)
    assert world.read(post).next_attempt_at == IN_TEN_MINUTES + timedelta(seconds=seconds)


def test_what_never_left_this_machine_never_spends_the_last_try(world: World):
    world.set(breaker_threshold=100)
    post = world.due()
    world.publisher.usual = not_sent()
    for _ in range(10):
        assert world.dispatch(post).status == "retry_scheduled"
        world.at_due(post)
    now = world.read(post)
    assert (now.status, now.retry_count) == ("scheduled", 3)
    world.publisher.usual = answered(200)
    assert world.dispatch(post) == Dispatched("dispatched")


def test_without_retries_the_first_transient_refusal_is_the_last(world: World):
    world.set(max_retries=0)
    post = world.due()
    world.publisher.answers(answered(503))
    assert world.dispatch(post) == Dispatched("failed", "retries_exhausted")


def test_the_text_of_an_answer_is_kept_for_the_operator_bounded_and_without_nul(world: World):
    post = world.due()
    world.publisher.answers(answered(500, body="\0" + "x" * 5000))
    world.dispatch(post)
    assert world.attempts(post)[0].error == "x" * 1000
