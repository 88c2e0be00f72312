"""The second and the deduplication id of an alarm, and the idempotency key for n8n."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from app.domain.ports import Alarm
from app.domain.post import Post

#: A delivery can be earlier than the lead: QStash knows whole seconds only, and early deliveries have been reported.
EARLY_SLACK_SECONDS = 2.0
#: The accepted difference between our clock and the message service's. A signature with a larger one does not verify.
MAX_CLOCK_SKEW_SECONDS = 10.0
MAX_REARM_STEP_DOUBLINGS = 6
#: A claim holds while the database's clock is at most this much behind the due instant.
DATABASE_TOLERANCE_SECONDS = 1.0
#: A signed instant further behind our clock than this says that our clock is ahead: it is in whole seconds.
MAX_SIGNATURE_AGE = timedelta(seconds=2)


def alarm_second(due: datetime, lead_seconds: float) -> int:
    """Return the last whole unix second at least `lead_seconds` before `due`."""
    return math.floor(due.timestamp() - lead_seconds)


def second_not_before(due: datetime) -> int:
    """Return the first whole unix second at or after `due`, for a delivery without a wait."""
    return math.ceil(due.timestamp())


def longest_wait(lead_seconds: float) -> timedelta:
    """Return the longest wait of a delivery for its instant. An earlier delivery is re-armed."""
    return timedelta(seconds=lead_seconds + EARLY_SLACK_SECONDS)


def clock_lag(signed_at: datetime | None, now: datetime) -> timedelta:
    """Return how far our clock is behind the message service's, by the signed instant of a delivery.

    Zero where our clock is ahead, where the instant is missing, or where it differs too much to be believed.
    """
    lag = signed_at - now if signed_at is not None else timedelta(0)
    return lag if timedelta(0) < lag <= timedelta(seconds=MAX_CLOCK_SKEW_SECONDS) else timedelta(0)


def database_tolerance(signed_at: datetime | None, now: datetime) -> float:
    """Return the seconds that the database's clock may be behind the due instant at the claim.

    None are allowed where the message service's clock says that ours is ahead.
    """
    is_ahead = signed_at is not None and now - signed_at > MAX_SIGNATURE_AGE
    return 0.0 if is_ahead else DATABASE_TOLERANCE_SECONDS


def next_alarm_second(wanted: int, latest: datetime, rearmed: int) -> int:
    """Return `wanted`, or a second after `latest` where `wanted` has passed by it.

    `latest` is the later reading of the two clocks. The distance doubles with each of the `rearmed` armings before: 1,
    2, 4 … 64 seconds. So messages for one instant stay few, however wrong the clocks are.
    """
    return max(wanted, math.floor(latest.timestamp()) + (1 << min(rearmed, MAX_REARM_STEP_DOUBLINGS)))


def alarm_for(post: Post, not_before: int, armed_at: datetime | None = None) -> Alarm:
    """Build the message for the post's current generation and arm count.

    Both are part of its deduplication id, so no earlier arming has the same id.
    """
    return Alarm(post.id, post.user_id, post.generation, post.arm_count, not_before, armed_at=armed_at)


def lease_alarm_for(post: Post, lease_until: datetime, armed_at: datetime | None = None) -> Alarm:
    """Build the message for the end of the lease of the post's current attempt."""
    second = second_not_before(lease_until)
    return Alarm(
        post.id, post.user_id, post.generation, post.arm_count, second, lease_of=post.attempt, armed_at=armed_at
    )


def deduplication_id(alarm: Alarm) -> str:
    """Build a message's deduplication id.

    An alarm for the end of a lease has the same id while the lease ends at the same second, so it cannot multiply.
    """
    if alarm.lease_of is not None:
        return f"{alarm.post_id}-{alarm.generation}-lease-{alarm.lease_of}-{alarm.not_before}"
    return f"{alarm.post_id}-{alarm.generation}-{alarm.arm_count}"


def idempotency_key(post_id: str, attempt: int) -> str:
    """Build the key of one attempt.

    A workflow run twice for one call sees the same key. A retry has another key.
    """
    return f"{post_id}-{attempt}"
