"""The events that webhook endpoints receive: their types, and the event of each transition of a post."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from app.domain.lifecycle import Status

MAX_FAILURES = 20  # consecutive failed deliveries, after which an endpoint is disabled
MAX_ATTEMPTS = 12  # deliveries of one event
SECRET_OVERLAP = timedelta(hours=24)  # both secrets sign after a rotation
REPUBLISH_AFTER = timedelta(hours=1)  # the message service has given up by then
RETENTION = timedelta(days=7)  # of events in the delivery log
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
DISABLED = "webhook_disabled"


class EventType(StrEnum):
    SCHEDULED = "post.scheduled"
    UNSCHEDULED = "post.unscheduled"
    PUBLISHED = "post.published"
    FAILED = "post.failed"
    OUTCOME_UNKNOWN = "post.outcome_unknown"
    AT_RISK = "post.at_risk"
    RECONNECT_REQUIRED = "account.reconnect_required"
    ALERT_RAISED = "alert.raised"


TEST: Final = "endpoint.test"  # sent by the test button alone

#: The event of each transition to `scheduled` by its reason. None: the promise is unchanged, so no event.
OF_SCHEDULED: Final[dict[str, EventType | None]] = {
    "scheduled": EventType.SCHEDULED,
    "rescheduled": EventType.SCHEDULED,
    "scheduled_by_force": EventType.SCHEDULED,
    "retried_by_hand": EventType.SCHEDULED,
    "retried_by_force": EventType.SCHEDULED,
    "retry": None,
    "not_sent": None,
    "lease_over": None,
    "lease_over_unsent": None,
    "set_aside": None,
    "clock_corrected": None,
    "account_changed": None,
    "account_reconnected": None,
}
#: The transitions to `failed` of a post that may be out.
HELD: Final = frozenset({"lease_over_held", "held_after_restore"})


def event_of(before: Status, to: Status, reason: str) -> EventType | None:
    """Return the event of a transition, None for none.

    A deferral has one of many reasons, and none of them is an event.
    """
    match to:
        case Status.SCHEDULED:
            return OF_SCHEDULED.get(reason)
        case Status.DRAFT:
            return EventType.UNSCHEDULED
        case Status.CANCELLED:
            return EventType.UNSCHEDULED if before is Status.SCHEDULED else None
        case Status.PUBLISHED:
            return EventType.PUBLISHED
        case Status.FAILED:
            return EventType.OUTCOME_UNKNOWN if reason in HELD else EventType.FAILED
    return None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook endpoint. Both secrets are encrypted. The previous one signs too, until `previous_until`."""

    id: str
    user_id: str
    company_id: str | None
    url: str
    events: list[str]
    secret: str
    previous_secret: str | None
    previous_until: datetime | None
    admin: bool
    status: str
    failures: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One event for one endpoint, and the state of its delivery. Its id is the header `webhook-id`."""

    id: str
    endpoint_id: str
    type: str
    data: dict[str, Any]
    created_at: datetime
    status: str
    attempts: int
    next_try_at: datetime
    last_status: int | None
    last_error: str | None
    message_id: str | None
    delivered_at: datetime | None


def next_try(attempts: int, now: datetime) -> datetime:
    """Return the instant of the next try in poll mode: after 1, 5, 15 minutes, then hourly."""
    return now + BACKOFF[min(attempts, len(BACKOFF)) - 1]
