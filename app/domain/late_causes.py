"""What made a send late, by the rows that its delivery left.

Invariant: a cause follows from instants, triggers and reasons alone, never from a post's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

JUST_BEFORE = timedelta(seconds=2)  # a post scheduled so shortly before its instant cannot be armed ahead
WAKING = timedelta(milliseconds=500)

CAUSES = {
    "retried": "No publication by the try before was known, so this one is late by design.",
    "by_hand": "A person ordered this try after the promised instant.",
    "breaker_open": "n8n failed, so the breaker held the post.",
    "account_on_hold": "The account had to be reconnected first.",
    "account_reconnected": "The account had to be reconnected first.",
    "spaced": "The account's spacing moved the post.",
    "daily_cap": "The account's daily cap moved the post.",
    "publisher_not_configured": "N8N_WEBHOOK_URL was not set.",
    "tokens_unreadable": "The account's token could not be decrypted.",
    "authorization_refused": "LinkedIn refused the app's own credentials, so no token could be refreshed.",
    "set_aside": "An unexpected error put the post aside for a while.",
    "scheduled_late": "The post was scheduled at its instant, or just before it.",
    "message_missing": "QStash's message did not arrive, and the sweep sent the post.",
    "polled": "Without QStash a post goes out at the next poll.",
    "message_late": "QStash's message came after the promised instant.",
    "waited_here": "The delivery came in time and waited here: for room at n8n, the processor or the database.",
    "sent_slowly": "The claim was in time, and the request to n8n began late.",
}
#: Reasons of transitions that move the next try of a post.
DEFERRALS = frozenset(
    {
        "breaker_open",
        "account_on_hold",
        "account_reconnected",
        "spaced",
        "daily_cap",
        "publisher_not_configured",
        "tokens_unreadable",
        "authorization_refused",
        "set_aside",
    }
)
ORDERED = frozenset({"scheduled", "rescheduled", "scheduled_by_force"})
BY_HAND = frozenset({"retried_by_hand", "retried_by_force"})
TRIGGERED = {"sweep": "message_missing", "poll": "polled", "manual": "by_hand"}


@dataclass(frozen=True, slots=True)
class LateSend:
    """A late attempt. `former_outcome` and `former_code` are of the attempt before, None without one."""

    post_id: str
    platform: str
    attempt: int
    generation: int
    promised_at: datetime | None
    trigger: str
    woken_at: datetime | None
    started_at: datetime
    sent_at: datetime | None
    lateness_ms: float
    former_outcome: str | None
    former_code: str | None


@dataclass(frozen=True, slots=True)
class Passed:
    """One transition of a post."""

    at: datetime
    reason: str
    generation: int
    attempt: int


def promise_of(late: LateSend) -> datetime | None:
    """Return the promise that this attempt was measured against. The post may have got another one since."""
    if late.sent_at is None:
        return late.promised_at
    return late.sent_at - timedelta(milliseconds=late.lateness_ms)


def cause_of(late: LateSend, passed: Sequence[Passed]) -> str:
    """Return the cause of a late send, a key of CAUSES."""
    promised = promise_of(late) or late.started_at
    earlier = [one for one in passed if one.generation == late.generation and one.at <= late.started_at]
    if any(one.reason in BY_HAND for one in earlier):
        return "by_hand"
    ordered = [one.at for one in earlier if one.reason in ORDERED]
    if ordered and ordered[-1] > promised - JUST_BEFORE:
        return "scheduled_late"
    since = ordered[-1] if ordered else None
    moved = [one.reason for one in earlier if one.reason in DEFERRALS and (since is None or one.at >= since)]
    if moved:
        return moved[-1]
    if late.former_outcome is not None or late.attempt > 1:
        return "retried"
    if late.trigger in TRIGGERED:
        return TRIGGERED[late.trigger]
    return _of_delivery(late, promised)


def _of_delivery(late: LateSend, promised: datetime) -> str:
    """Return the cause within a message's own delivery."""
    if late.woken_at is not None and late.woken_at > promised - WAKING:
        return "message_late"
    return "waited_here" if late.started_at > promised + WAKING else "sent_slowly"
