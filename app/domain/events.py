"""The events that webhook endpoints receive: their types, and the event of each transition of a post."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from app.domain.lifecycle import Status


class EventType(StrEnum):
    SCHEDULED = "post.scheduled"
    UNSCHEDULED = "post.unscheduled"
    PUBLISHED = "post.published"
    FAILED = "post.failed"
    OUTCOME_UNKNOWN = "post.outcome_unknown"
    AT_RISK = "post.at_risk"
    RECONNECT_REQUIRED = "account.reconnect_required"
    ALERT_RAISED = "alert.raised"


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
HELD: Final = frozenset({"lease_over_held", "held_after_restore", "outcome_unknown"})


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
