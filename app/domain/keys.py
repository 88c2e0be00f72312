"""What fences deliveries: the whole second an alarm is set for, and the key that n8n can de-duplicate by."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from app.domain.ports import Alarm
from app.domain.post import Post

#: Beyond the lead, a delivery may be early by the fraction QStash cannot express, and slightly early has been reported.
EARLY_SLACK_SECONDS = 2.0


def alarm_second(due: datetime, lead_seconds: float) -> int:
    """The whole unix second at which to be woken for `due`: at least `lead_seconds` ahead of it."""
    return math.floor(due.timestamp() - lead_seconds)


def second_not_before(due: datetime) -> int:
    """The first whole unix second that is not before `due`: for a delivery that must not have to wait."""
    return math.ceil(due.timestamp())


def longest_wait(lead_seconds: float) -> timedelta:
    """A delivery further ahead of its instant than this is re-armed instead of waited out."""
    return timedelta(seconds=lead_seconds + EARLY_SLACK_SECONDS)


def alarm_for(post: Post, not_before: int) -> Alarm:
    """The message for the post as it stands; generation and arm count make its deduplication id its own."""
    return Alarm(post.id, post.user_id, post.generation, post.arm_count, not_before)


def idempotency_key(post_id: str, attempt: int) -> str:
    """One key per attempt: a workflow that runs one call twice can tell, a deliberate retry is another key."""
    return f"{post_id}-{attempt}"
