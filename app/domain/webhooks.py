"""Webhook endpoints and the deliveries of events to them: values, bounds and the interfaces to the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from app.domain.ports import MessageService, MessageServiceError

MAX_FAILURES = 20  # consecutive failed deliveries, after which an endpoint is disabled
MAX_ATTEMPTS = 12  # deliveries of one event
SECRET_OVERLAP = timedelta(hours=24)  # both secrets sign after a rotation
REPUBLISH_AFTER = timedelta(hours=1)  # the message service has given up by then
ADMIN_UNSEEN = timedelta(days=90)  # without a call of its maker as an admin, an endpoint gets no alerts any more
ADMIN_RENEWED = timedelta(days=1)  # at most one write a day for it
RETENTION = timedelta(days=7)  # of events in the delivery log
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
DISABLED = "webhook_disabled"
UNSEEN = (
    "The maker of a webhook endpoint for alerts has not been seen as an admin for 90 days, so it gets none any more. "
    "An admin can set its status to enabled, or make another one."
)
TEST: Final = "endpoint.test"  # sent by the test button alone


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
    admin_seen_at: datetime | None


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


@dataclass(frozen=True, slots=True)
class EventMessage:
    """One message to our own route for the delivery of an event. The service takes the same `arming` once."""

    event_id: str
    endpoint_id: str
    arming: int


class EventMessages(Protocol):
    """The message service, for events."""

    def publish_events(self, messages: Sequence[EventMessage]) -> list[str | MessageServiceError]:
        """Publish any number of messages, 100 in each request. Returns a message id or an error for each."""
        ...


class AllMessages(MessageService, EventMessages, Protocol):
    """The message service, for alarms and for events."""


@dataclass(frozen=True, slots=True)
class EventReply:
    """The result of one delivery. `status` is None without an answer. `refused`: the address is not allowed."""

    status: int | None
    error: str
    refused: bool = False

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class EventSender(Protocol):
    """The endpoints of webhooks."""

    def send(self, url: str, secrets: Sequence[str], event_id: str, at: datetime, body: str) -> EventReply:
        """Post one event, signed with each secret at `at`. Never raises."""
        ...
