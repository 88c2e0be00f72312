"""What an operator should know: one row per kind and subject, counted, with since-when; and the upsert both use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from app.store.engine import insert_into
from app.store.schema.tables import alerts


@dataclass(frozen=True, slots=True)
class Alert:
    """`subject` is an id or a setting's name, never a person's data."""

    kind: str
    subject: str
    since: datetime
    last_at: datetime
    count: int
    detail: str


def raise_alert(tx: Connection, kind: str, subject: str, detail: str, now: datetime) -> None:
    """Begin or renew an alert; renewing keeps `since`."""
    first = {"since": now, "last_at": now, "count": 1, "detail": detail}
    again = {"last_at": now, "count": alerts.c.count + 1, "detail": detail}
    upsert(tx, alerts, {"kind": kind, "subject": subject}, first, again)


def clear(tx: Connection, kind: str, subject: str) -> None:
    tx.execute(delete(alerts).where(alerts.c.kind == kind, alerts.c.subject == subject))


def clear_kinds(tx: Connection, kinds: Sequence[str], subject: str) -> None:
    tx.execute(delete(alerts).where(alerts.c.kind.in_(kinds), alerts.c.subject == subject))


def clear_unless_renewed(tx: Connection, seen: Alert) -> None:
    same = (alerts.c.kind == seen.kind, alerts.c.subject == seen.subject, alerts.c.last_at == seen.last_at)
    tx.execute(delete(alerts).where(*same))


def subjects(connection: Connection, kind: str) -> set[str]:
    """Everything that an alert of this kind is about."""
    return set(connection.execute(select(alerts.c.subject).where(alerts.c.kind == kind)).scalars())


def current(connection: Connection, limit: int = 100) -> list[Alert]:
    statement = select(alerts).order_by(alerts.c.last_at.desc()).limit(limit)
    return [Alert(**row._mapping) for row in connection.execute(statement)]


def upsert(tx: Connection, table: Table, key: dict[str, Any], first: dict[str, Any], again: dict[str, Any]) -> None:
    """Insert `key` with `first`, or where it exists set `again`; one statement, so two callers cannot collide."""
    statement = insert_into(tx, table).values({**key, **first})
    tx.execute(statement.on_conflict_do_update(index_elements=list(key), set_=again))
