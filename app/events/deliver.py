"""Deliver one event to its endpoint: check the owner's right and the address, sign, post, record.

Invariant: no event leaves for an owner who has lost the right to see it. The network call is outside any transaction.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.explanations.author_texts import for_authors
from app.domain.sealing import endpoint_secret_of, previous_secret_of
from app.domain.times import to_wire
from app.domain.webhooks import DISABLED, MAX_ATTEMPTS, MAX_FAILURES, Endpoint, Event, EventReply, next_try
from app.log import emit
from app.store.companies.access import role_of
from app.store.engine import Connection
from app.store.events import deliveries, endpoints
from app.store.operations import alerts

Result = Literal["delivered", "ignored", "retry", "failed", "busy"]
MAX_AT_ONCE, MAX_OF_ENDPOINT = 6, 2  # deliveries of this process, so slow endpoints keep no thread from posts
GONE = 410


class Seats:
    """The deliveries of this process at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: Counter[str] = Counter()

    @contextmanager
    def one(self, endpoint_id: str) -> Iterator[bool]:
        """Take a seat while the context lasts. Yields False where none is free."""
        with self._lock:
            is_free = self._of.total() < MAX_AT_ONCE and self._of[endpoint_id] < MAX_OF_ENDPOINT
            self._of[endpoint_id] += is_free
        try:
            yield is_free
        finally:
            with self._lock:
                self._of[endpoint_id] -= is_free
                self._of += Counter()  # drops the zeros


SEATS = Seats()


def deliver(deps: Deps, event_id: str) -> Result:
    """Deliver a pending event. `retry` and `busy`: the message service must come again. `failed`: it must not.

    Raises: Unavailable where nothing was recorded.
    """
    with deps.db.reading() as connection:
        event = deliveries.by_id(connection, event_id)
        endpoint = endpoints.by_id(connection, event.endpoint_id) if event else None
        is_allowed = endpoint is not None and _may_see(connection, endpoint)
    if event is None or event.status != "pending" or endpoint is None:
        return "ignored"
    if endpoint.status != "enabled":
        return _refuse(deps, event, endpoint, "The endpoint is switched off.")
    if not is_allowed:
        return _refuse(deps, event, endpoint, "The endpoint's maker has left the company.", disable=True)
    with SEATS.one(endpoint.id) as is_free:
        return _deliver(deps, event, endpoint) if is_free else "busy"


def _may_see(connection: Connection, endpoint: Endpoint) -> bool:
    return endpoint.company_id is None or role_of(connection, endpoint.company_id, endpoint.user_id) is not None


def _deliver(deps: Deps, event: Event, endpoint: Endpoint) -> Result:
    now = deps.clock.now()
    secrets = _secrets(deps, endpoint, now)
    if deps.event_sender is None or not secrets:
        reply = EventReply(None, "The endpoint's secret cannot be read.")
    else:
        reply = deps.event_sender.send(endpoint.url, secrets, event.id, now, body_of(event))
    return _record(deps, event, endpoint, reply)


def body_of(event: Event) -> str:
    """Return the body of an event. It is the same in every try."""
    data = dict(event.data)
    if isinstance(data.get("errorMessage"), str):
        data["errorMessage"] = for_authors(data["errorMessage"])
    body = {"type": event.type, "timestamp": to_wire(event.created_at), "data": data}
    return json.dumps(body, separators=(",", ":"))


def _secrets(deps: Deps, endpoint: Endpoint, now: datetime) -> list[str]:
    """Return the secrets that sign now, the current one first. Empty where it cannot be decrypted."""
    stored = [(endpoint.secret, endpoint_secret_of(endpoint.id))]
    if endpoint.previous_secret is not None and endpoint.previous_until is not None and now < endpoint.previous_until:
        stored.append((endpoint.previous_secret, previous_secret_of(endpoint.id)))
    try:
        return [deps.vault.decrypt(text, field) for text, field in stored] if deps.vault is not None else []
    except ValueError:
        return []


def _record(deps: Deps, event: Event, endpoint: Endpoint, reply: EventReply) -> Result:
    now = deps.clock.now()
    if reply.is_delivered and reply.status is not None:
        with deps.db.transaction() as tx:
            deliveries.record_delivered(tx, event.id, reply.status, now)
            endpoints.count_success(tx, endpoint.id)
        return _logged(event, endpoint, "delivered", reply)
    final = reply.refused or reply.status == GONE or event.attempts + 1 >= MAX_ATTEMPTS
    again = None if deps.event_messages is not None else next_try(event.attempts + 1, now)
    error = reply.error or f"The endpoint answered {reply.status}."
    with deps.db.transaction() as tx:
        deliveries.record_failed(tx, event.id, reply.status, error, final=final, next_try_at=again)
        if endpoints.count_failure(tx, endpoint.id, MAX_FAILURES, now):
            alerts.raise_alert(tx, DISABLED, endpoint.id, CURES[DISABLED], now)
    return _logged(event, endpoint, "failed" if final else "retry", reply)


def _refuse(deps: Deps, event: Event, endpoint: Endpoint, error: str, *, disable: bool = False) -> Result:
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        deliveries.record_failed(tx, event.id, None, error, final=True, next_try_at=None)
        if disable and endpoints.disable(tx, endpoint.id, now):
            alerts.raise_alert(tx, DISABLED, endpoint.id, CURES[DISABLED], now)
    return _logged(event, endpoint, "failed", EventReply(None, error))


def _logged(event: Event, endpoint: Endpoint, result: Result, reply: EventReply) -> Result:
    emit(
        "event.delivery",
        event_id=event.id,
        endpoint_id=endpoint.id,
        type=event.type,
        result=result,
        status=reply.status,
        error=reply.error,
    )
    return result
