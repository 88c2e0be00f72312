"""The record of the content of armed messages: its fingerprint, and the progress of arming again after a change.

Invariant: it holds a fingerprint only, and never a secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from app.store.engine import upsert
from app.store.schema.tables import armed_contents as table

NAME = "messages"


@dataclass(frozen=True, slots=True)
class ArmedContent:
    """`rearmed_at` is None while posts armed with another content may be left."""

    fingerprint: str
    changed_at: datetime
    rearmed_at: datetime | None


def read(connection: Connection) -> ArmedContent | None:
    c = table.c
    row = connection.execute(select(c.fingerprint, c.changed_at, c.rearmed_at).where(c.name == NAME)).one_or_none()
    return ArmedContent(*row) if row else None


def write(tx: Connection, fingerprint: str, *, changed_at: datetime, rearmed_at: datetime | None) -> None:
    values = {"fingerprint": fingerprint, "changed_at": changed_at, "rearmed_at": rearmed_at}
    upsert(tx, table, {"name": NAME}, values, values)


def mark_rearmed(tx: Connection, fingerprint: str, now: datetime) -> None:
    """Record that no post is left with another content, unless the content has changed again."""
    tx.execute(update(table).where(table.c.name == NAME, table.c.fingerprint == fingerprint).values(rearmed_at=now))
