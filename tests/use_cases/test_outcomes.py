"""The outcome table: effects of each n8n answer on the post, its retries, its next instant and the alerts."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from app.domain.delivery import Dispatched
from app.domain.ports import Reply
from tests.support.fakes import answered, not_sent, unknown
from tests.support.world import IN_TEN_MINUTES, World

RETRIED = {
    "refused connection": (not_sent(), "publisher_unreachable", "not_sent", None),
    "429": (answered(429), "publisher_busy", "transient", 429),
    "408": (answered(408), "publisher_busy", "transient", 408),
    "500": (answered(500), "publisher_error", "transient", 500),
    "503": (answered(503), "publisher_error", "transient", 503),
    "409": (answered(409), "publisher_error", "transient", 409),
    "423": (answered(423), "publisher_error", "transient", 423),
    "451": (answered(451), "publisher_error", "transient", 451),
    "499": (answered(499), "publisher_error", "transient", 499),
}


@pytest.mark.parametrize("case", RETRIED)
def test_transient_refusal_is_retried_in_two_minutes_and_counts_one(world: World, case: str):
    reply, code, outcome, http_status = RETRIED[case]
    post = world.due()
    world.publisher.answers(reply)
    assert world.dispatch(post) == Dispatched("retry_scheduled", code)
    after = world.read(post)
    assert (after.status, after.retry_count, after.attempt, after.generation) == ("scheduled", 1, 1, 1)
    assert after.next_attempt_at == IN_TEN_MINUTES + timedelta(minutes=2)
    assert (after.scheduled_at, after.error_code) == (IN_TEN_MINUTES, code)
    assert after.error_message
    assert (after.lease_until, after.sending_at) == (None, None)
    (attempt,) = world.attempts(post)
    assert (attempt.outcome, attempt.http_status, attempt.error_code) == (outcome, http_status, code)
    assert attempt.finished_at == IN_TEN_MINUTES
    assert world.alerts() == {}


@pytest.mark.parametrize("case", RETRIED)
def test_post_to_be_retried_is_armed_for_its_new_instant(world: World, case: str):
    post = world.due()
    world.publisher.answers(RETRIED[case][0])
    world.dispatch(post)
    after = world.read(post)
    assert after.armed
    alarm = world.messages.pending[str(after.message_id)]
    assert (alarm.post_id, alarm.generation, alarm.arm_count) == (post.id, 1, 2)
    assert alarm.not_before == int(IN_TEN_MINUTES.timestamp()) + 120 - 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_permanent_refusal_fails_the_post_with_a_reason_and_is_not_retried(world: World, status: int):
    post = world.due()
    world.publisher.answers(answered(status, body="too long"))
    assert world.dispatch(post) == Dispatched("failed", "rejected_by_publisher")
    after = world.read(post)
    assert (after.status, after.error_code, after.next_attempt_at) == ("failed", "rejected_by_publisher", None)
    assert after.error_message
    assert after.retry_count == 1
    (attempt,) = world.attempts(post)
    assert (attempt.outcome, attempt.http_status, attempt.error) == ("permanent", status, "too long")
    assert world.messages.pending.keys() == {"msg_1"}


@pytest.mark.parametrize("reply", [unknown(), answered(504), answered(520), answered(524)], ids=repr)
def test_post_with_unknown_outcome_stays_publishing_until_its_lease_ends(world: World, reply: Reply):
    post = world.due()
    world.publisher.answers(reply)
    assert world.dispatch(post) == Dispatched("dispatched", "unknown")
    after = world.read(post)
    assert (after.status, after.retry_count) == ("publishing", 0)
    assert after.lease_until == IN_TEN_MINUTES + timedelta(seconds=480)
    assert after.sending_at == IN_TEN_MINUTES
    assert world.outcomes(post) == ["unknown"]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_accepted_post_stays_publishing_with_a_renewed_lease(world: World, status: int):
    post = world.due()
    world.publisher.during_send = lambda _: world.clock.advance(seconds=20)
    world.publisher.answers(answered(status))
    assert world.dispatch(post) == Dispatched("dispatched")
    after = world.read(post)
    assert (after.status, after.published_at) == ("publishing", None)
    assert after.lease_until == IN_TEN_MINUTES + timedelta(seconds=500)
    assert world.attempts(post)[0].sent_at == IN_TEN_MINUTES


def test_backoff_doubles_from_two_minutes_until_the_post_fails(world: World):
    post = world.due()
    world.publisher.default_reply = answered(429)
    waits = []
    for _ in range(3):
        assert world.dispatch(post).status == "retry_scheduled"
        waits.append(world.seconds_until_due(post))
        world.at_due(post)
    assert waits == [120, 240, 480]
    assert world.dispatch(post) == Dispatched("failed", "retries_exhausted")
    after = world.read(post)
    assert (after.status, after.error_code, after.retry_count, after.attempt) == ("failed", "retries_exhausted", 4, 4)
    assert after.scheduled_at == IN_TEN_MINUTES
    assert world.outcomes(post) == ["transient"] * 4


@pytest.mark.parametrize(("random", "seconds"), [(0.0, 108), (0.5, 120), (0.9999999, 132)])
def test_retry_jitter_is_at_most_ten_percent(world: World, random: float, seconds: float):
    world.with_deps(random=lambda: random)
    post = world.due()
    world.publisher.answers(answered(500))
    world.dispatch(post)
    assert world.seconds_until_due(post) == pytest.approx(seconds, abs=0.001)


def test_first_attempt_has_no_jitter(world: World):
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


def test_send_that_never_left_the_machine_never_spends_the_last_retry(world: World):
    world.set(breaker_threshold=100)
    post = world.due()
    world.publisher.default_reply = not_sent()
    for _ in range(10):
        assert world.dispatch(post).status == "retry_scheduled"
        world.at_due(post)
    after = world.read(post)
    assert (after.status, after.retry_count) == ("scheduled", 3)
    world.publisher.default_reply = answered(200)
    assert world.dispatch(post) == Dispatched("dispatched")


def test_first_transient_refusal_fails_the_post_without_retries(world: World):
    world.set(max_retries=0)
    post = world.due()
    world.publisher.answers(answered(503))
    assert world.dispatch(post) == Dispatched("failed", "retries_exhausted")


def test_answer_text_is_stored_bounded_and_without_nul(world: World):
    post = world.due()
    world.publisher.answers(answered(500, body="\0" + "x" * 5000))
    world.dispatch(post)
    assert world.attempts(post)[0].error == "x" * 1000
