"""The values of one delivery: what is ready to be sent, and how the delivery ended."""

from __future__ import annotations

import enum
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from app.domain.breaker import Breaker
from app.domain.lateness import lateness_ms
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Account, Post, Trigger
from app.domain.seats import Seat

DispatchStatus = Literal["dispatched", "retry_scheduled", "failed", "early", "ignored"]


@dataclass(frozen=True, slots=True)
class Dispatched:
    """The end of one delivery. `reason` is a code, or None where the status says it all.

    `armed` is False where the post needs another alarm and the message service refused it. The delivered message must
    then come again.
    """

    status: DispatchStatus
    reason: str | None = None
    armed: bool = True


@dataclass(frozen=True, slots=True)
class DeliveredMessage:
    """The message of a delivery: its id, and its signed instant by the message service's clock.

    Both are None where no message brought the delivery. `woken_at` is the arrival by our clock. `due_at` is the second
    for which the message was armed, None where it is unknown or where the delivery is not the first of its message.
    """

    id: str | None = None
    signed_at: datetime | None = None
    woken_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def late_ms(self) -> float | None:
        """The milliseconds from the second of the message to the arrival of its delivery, at least 0."""
        if self.due_at is None or self.woken_at is None:
            return None
        return max(lateness_ms(self.due_at, self.woken_at), 0.0)


#: The verdict on a claim that was held up so long that n8n could not answer within its lease. Nothing was sent.
LEASE_OVER = Verdict(Outcome.NOT_SENT, detail="the sender stood still between its claim and the send")


@dataclass(slots=True, eq=False, weakref_slot=True)
class StopRequest:
    """Whether this process was asked to end. One thread sets it, and many read it without a lock."""

    requested: bool = False


class TurnedAway(enum.Enum):
    """Why a ready delivery was not claimed. Nothing was recorded."""

    NO_SEAT = "no waiting seat is left for its owner, or the post has one already"
    NO_ROOM = "as many posts are in flight to n8n as it can take, and the delivery can wait no longer"
    ACCOUNT_CHANGED = "the account is not the one that was prepared"
    POST_CHANGED = "the post is not the one whose media were checked"
    PAUSED = "the operator has paused all sending"
    TOO_EARLY = "the post is not due yet by the database's clock"


DeliveryResult = Dispatched | TurnedAway


@dataclass(eq=False, slots=True)
class ReadyDelivery:
    """One delivery on its way through the gate: first prepared, then claimed, then sent.

    `blocked` is a code of EXPLANATIONS where the post cannot be sent. `version` is the `updated_at` of the row that
    this verdict concerns, None where an edit cannot change it. `unproven_since` is the earliest send of the post that
    may be out. `tolerance` is as in the claim's intent. `locked` is True where another transaction held the post at
    the claim. `early_by` is the time left by the database's clock, after a claim that this clock refused.
    `request_id` is the caller's, for the log. `claim_by` is the latest instant for a claim, None without a bound.
    `in_flight` is True from the claim to n8n's answer. `circuits` are the breakers of all publishers as read, and
    `allowed` the places of those that may get the delivery. `publisher` is the place of the chosen one, and `circuit`
    its breaker. A probe tries a publisher whose breaker is open. `duplicates` are due deliveries of the same post and
    generation. They wait for the claim of this one. `future` ends with the result, with None where the caller has to
    finish the delivery alone, or with an exception.
    """

    post: Post
    due: datetime
    trigger: Trigger
    account: Account | None
    access_token: str
    circuit: Breaker
    blocked: str | None = None
    version: datetime | None = None
    unproven_since: datetime | None = None
    tolerance: float | None = None
    message: DeliveredMessage = DeliveredMessage()
    seat: Seat | None = None
    locked: bool = False
    early_by: timedelta | None = None
    claimed: Post | None = None
    lease_until: datetime | None = None
    verdict: Verdict | None = None
    sent_at: datetime | None = None
    request_id: str | None = None
    answered_at: datetime | None = None
    claim_by: datetime | None = None
    in_flight: bool = False
    circuits: tuple[Breaker, ...] = ()
    allowed: tuple[int, ...] = (0,)
    publisher: int = 0
    is_probe: bool = False
    duplicates: list[ReadyDelivery] = field(default_factory=list)
    future: Future[DeliveryResult | None] = field(default_factory=Future)
