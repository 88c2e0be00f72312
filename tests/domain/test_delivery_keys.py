"""The second of an alarm, and the idempotency key for n8n."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.keys import alarm_for, alarm_second, idempotency_key, longest_wait, second_not_before
from app.domain.lifecycle import Status
from app.domain.ports import Alarm
from app.domain.post import Post

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
T = 1_800_000_000
DUE = EPOCH + timedelta(seconds=T)
instants = st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2099, 1, 1), timezones=st.just(UTC))


def post(status: Status = Status.SCHEDULED, message_id: str | None = None) -> Post:
    return Post(
        id="post-1",
        user_id="user-1",
        company_id=None,
        client_id=None,
        social_account_id=None,
        platform="linkedin",
        post_type="post",
        content="Hello",
        media=[],
        image_url=None,
        status=status,
        scheduled_at=DUE,
        time_zone=None,
        next_attempt_at=DUE,
        lease_until=None,
        sending_at=None,
        generation=4,
        attempt=2,
        retry_count=1,
        arm_count=7,
        message_id=message_id,
        swept_at=None,
        external_post_id=None,
        external_url=None,
        published_at=None,
        lateness_ms=None,
        error_code=None,
        error_message=None,
        created_at=EPOCH,
        updated_at=EPOCH,
    )


@pytest.mark.parametrize(
    ("after", "lead", "second"),
    [
        (0, 1.0, T - 1),
        (1, 1.0, T - 1),
        (999_999, 1.0, T - 1),
        (0, 0.25, T - 1),
        (249_999, 0.25, T - 1),
        (250_000, 0.25, T),
        (0, 30.0, T - 30),
        (500_000, 2.5, T - 2),
    ],
)
def test_alarm_second_leaves_at_least_the_lead(after: int, lead: float, second: int):
    assert alarm_second(DUE + after * MICROSECOND, lead) == second


@given(due=instants, lead_ms=st.integers(1, 30_000))
@example(due=DUE, lead_ms=1000)
@example(due=DUE + 999_999 * MICROSECOND, lead_ms=1)
def test_an_alarm_comes_at_least_the_lead_ahead_and_less_than_a_second_more(due: datetime, lead_ms: int):
    ahead = due - (EPOCH + timedelta(seconds=alarm_second(due, lead_ms / 1000)))
    lead = timedelta(milliseconds=lead_ms)
    assert lead - MICROSECOND <= ahead <= lead + timedelta(seconds=1)


@pytest.mark.parametrize(("after", "second"), [(-1, T), (0, T), (1, T + 1), (500_000, T + 1), (999_999, T + 1)])
def test_second_not_before_is_the_first_whole_second(after: int, second: int):
    assert second_not_before(DUE + after * MICROSECOND) == second


@given(instants)
def test_the_second_not_before_is_never_before_and_less_than_a_second_after(due: datetime):
    late = EPOCH + timedelta(seconds=second_not_before(due)) - due
    assert timedelta(0) <= late < timedelta(seconds=1)


def test_seconds_are_whole_and_the_same_on_every_clock():
    elsewhere = DUE.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert alarm_second(elsewhere, 1.0) == T - 1
    assert second_not_before(elsewhere) == T
    assert [type(alarm_second(DUE, 0.5)), type(second_not_before(DUE))] == [int, int]


def test_longest_wait_is_two_seconds_over_the_lead():
    assert longest_wait(1.0) == timedelta(seconds=3)
    assert longest_wait(0.25) == timedelta(seconds=2.25)


@given(due=instants, lead_ms=st.integers(1, 30_000))
def test_message_up_to_a_second_early_is_within_the_longest_wait(due: datetime, lead_ms: int):
    lead = lead_ms / 1000
    one_early = EPOCH + timedelta(seconds=alarm_second(due, lead) - 1)
    assert due - one_early <= longest_wait(lead)


def test_alarm_carries_generation_and_arm_count():
    assert alarm_for(post(), T) == Alarm("post-1", "user-1", generation=4, arm_count=7, not_before=T)


def test_every_attempt_has_a_key_of_its_own():
    assert idempotency_key("post-1", 2) == "post-1-2"
    assert len({idempotency_key("post-1", attempt) for attempt in range(1, 101)}) == 100


@pytest.mark.parametrize("status", list(Status))
def test_only_a_scheduled_post_with_a_message_is_armed(status: Status):
    assert post(status, "msg_1").armed is (status is Status.SCHEDULED)
    assert post(status, None).armed is False
