"""Rows of operators' alerts, one per kind and subject.

Each row has a count and the instants of the first and the last occurrence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select, update

from app.domain.times import CLOCK_TOLERANCE
from app.log import emit
from app.store.engine import upsert
from app.store.row_locks import skip_locked, write_unless_locked
from app.store.schema.columns import Condition
from app.store.schema.tables import alerts


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `subject` is an id or a setting's name, never personal data."""

    kind: str
    subject: str
    since: datetime
    last_at: datetime
    count: int
    detail: str


def raise_alert(tx: Connection, kind: str, subject: str, detail: str, now: datetime) -> None:
    """Begin or renew an alert, and log it. Renewing keeps `since`.

    A locked row is not waited for: the alert is there already.
    """
    first = {"since": now, "last_at": now, "count": 1, "detail": detail}
    again = {"last_at": now, "count": alerts.c.count + 1, "detail": detail}
    key = {"kind": kind, "subject": subject}
    emit("alert", kind=kind, subject=subject, detail=detail)
    write_unless_locked(tx, "alert", partial(upsert, tx, alerts, key, first, again), None)


def clear(tx: Connection, kind: str, subject: str) -> None:
    _delete(tx, alerts.c.kind == kind, alerts.c.subject == subject)


def clear_kinds(tx: Connection, kinds: Sequence[str], subject: str) -> None:
    _delete(tx, alerts.c.kind.in_(kinds), alerts.c.subject == subject)


def clear_unless_renewed(tx: Connection, seen: Alert) -> None:
    same = (alerts.c.kind == seen.kind, alerts.c.subject == seen.subject, alerts.c.last_at == seen.last_at)
    _delete(tx, *same)


def _delete(tx: Connection, *where: Condition) -> None:
    """Delete alerts, and log each. A locked one is not waited for: it is being renewed."""
    statement = delete(alerts).where(*where, *skip_locked(tx, alerts, *where))
    for kind, subject in tx.execute(statement.returning(alerts.c.kind, alerts.c.subject)).all():
        emit("alert.cleared", kind=kind, subject=subject)


def any_in_future(connection: Connection, now: datetime) -> bool:
    """Return True if an alert was last raised in the future, by a clock ahead of time."""
    wrong = sa.exists().where(alerts.c.last_at > now + CLOCK_TOLERANCE)
    return connection.execute(select(sa.literal(1)).where(wrong)).scalar() is not None


def correct_future(tx: Connection, now: datetime) -> int:
    """Set instants in the future, from a clock ahead of time, to now. Returns the count.

    A later success would otherwise look older than the alert, and could not end it.
    """
    wrong = update(alerts).where(alerts.c.last_at > now + CLOCK_TOLERANCE)
    return tx.execute(
        wrong.values(last_at=now, since=sa.case((alerts.c.since > now, now), else_=alerts.c.since))
    ).rowcount


def subjects(connection: Connection, kind: str) -> set[str]:
    """Return the subjects of all alerts of this kind."""
    return set(connection.execute(select(alerts.c.subject).where(alerts.c.kind == kind)).scalars())


def current(connection: Connection, limit: int = 100) -> list[Alert]:
    return [Alert(**row._mapping) for row in connection.execute(_CURRENT, {"most": limit})]


_CURRENT = select(alerts).order_by(alerts.c.last_at.desc()).limit(sa.bindparam("most", type_=sa.Integer))
