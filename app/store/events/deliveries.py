"""The deliveries of events: the pending ones, their results and the log of an endpoint."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, select, update

from app.domain.webhooks import Event
from app.store.paging import After, newest_first
from app.store.row_locks import take_unlocked
from app.store.schema.columns import new_id
from app.store.schema.webhooks import webhook_events

T = webhook_events.c
MAX_ERROR = 300


def add(tx: Connection, endpoint_id: str, event_type: str, data: dict[str, Any], now: datetime) -> Event:
    """Add an event for one endpoint."""
    values = {"id": new_id(), "endpoint_id": endpoint_id, "type": event_type, "data": data, "created_at": now}
    values |= {"status": "pending", "attempts": 0, "next_try_at": now}
    return _to_event(tx.execute(insert(webhook_events).values(values).returning(webhook_events)).one())


def by_id(connection: Connection, event_id: str) -> Event | None:
    row = connection.execute(select(webhook_events).where(T.id == event_id)).one_or_none()
    return _to_event(row) if row else None


def of_endpoint(connection: Connection, endpoint_id: str, limit: int, after: After | None) -> list[Event]:
    """Return a page of an endpoint's events, newest first."""
    found = select(webhook_events).where(T.endpoint_id == endpoint_id)
    return [_to_event(row) for row in connection.execute(newest_first(found, T.created_at, T.id, limit, after))]


def due(connection: Connection, now: datetime, limit: int) -> list[Event]:
    """Return events to publish or to deliver now, oldest first."""
    found = select(webhook_events).where(T.status == "pending", T.next_try_at <= now)
    return [_to_event(row) for row in connection.execute(found.order_by(T.next_try_at, T.id).limit(limit))]


def keep_messages(tx: Connection, taken: Sequence[tuple[Event, str]], again_at: datetime) -> None:
    """Store the message ids of published events. The sweep takes up an event still pending at `again_at`."""
    for event, message_id in taken:
        still = (T.id == event.id, T.status == "pending", T.next_try_at == event.next_try_at)
        tx.execute(update(webhook_events).where(*still).values(message_id=message_id, next_try_at=again_at))


def record_delivered(tx: Connection, event_id: str, status: int, now: datetime) -> None:
    values = {"status": "delivered", "delivered_at": now, "last_status": status, "last_error": None}
    tx.execute(update(webhook_events).where(T.id == event_id).values(**values, attempts=T.attempts + 1))


def record_failed(
    tx: Connection, event_id: str, status: int | None, error: str, *, final: bool, next_try_at: datetime | None
) -> None:
    """Record a failed try. `next_try_at` None leaves the next try to the message service."""
    values: dict[str, Any] = {"attempts": T.attempts + 1, "last_status": status, "last_error": error[:MAX_ERROR]}
    values |= {"status": "failed"} if final else {}
    values |= {"next_try_at": next_try_at} if next_try_at is not None else {}
    tx.execute(update(webhook_events).where(T.id == event_id, T.status == "pending").values(values))


def restart(tx: Connection, event_id: str, now: datetime) -> Event | None:
    """Make an event pending again, with the same id."""
    values = {"status": "pending", "attempts": 0, "next_try_at": now, "message_id": None, "delivered_at": None}
    row = tx.execute(
        update(webhook_events).where(T.id == event_id).values(values).returning(webhook_events)
    ).one_or_none()
    return _to_event(row) if row else None


def prune(tx: Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` events older than `before`, the oldest first. Returns the count."""
    old = select(T.id).where(T.created_at < before).order_by(T.created_at).limit(limit)
    return tx.execute(delete(webhook_events).where(T.id.in_(take_unlocked(tx, old)))).rowcount


def _to_event(row: sa.Row[Any]) -> Event:
    values = dict(row._mapping)
    return Event(**values | {"data": {name: _plain(name, value) for name, value in values["data"].items()}})


def _plain(name: str, value: Any) -> Any:
    """Return an id in its canonical form. SQLite's own JSON functions see it without hyphens."""
    if name.endswith("Id") and isinstance(value, str) and len(value) == 32:
        try:
            return str(uuid.UUID(hex=value))
        except ValueError:
            return value
    return value
