"""Rows of operators' alerts, one per kind and subject.

Each row has a count and the instants of the first and the last occurrence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select, update

from app.domain.alerts import EXAMPLES, MAX_COUNTED, PER_OBJECT
from app.domain.times import CLOCK_TOLERANCE
from app.log import emit
from app.store.constants import with_constants
from app.store.engine import upsert
from app.store.events.begun_alerts import record_begun
from app.store.row_locks import skip_locked, write_unless_locked
from app.store.schema.columns import Condition
from app.store.schema.tables import alerts

OF_INSTALLATION = 100  # the alerts about the installation that are shown


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `subject` is an id or a setting's name, never personal data.

    An alert about several accounts or posts has the first ids as `examples`, and all their occurrences as `count`.
    """

    kind: str
    subject: str
    since: datetime
    last_at: datetime
    count: int
    detail: str
    examples: tuple[str, ...] = ()


def raise_alert(tx: Connection, kind: str, subject: str, detail: str, now: datetime) -> None:
    """Begin or renew an alert, and log it. Renewing keeps `since`.

    A locked row is not waited for: the alert is there already.
    """
    raise_for_many(tx, kind, [subject], detail, now)


def raise_for_many(tx: Connection, kind: str, subjects: Sequence[str], detail: str, now: datetime) -> None:
    """Begin or renew the alerts of these subjects, and log them as one."""
    if subjects:
        emit("alert", kind=kind, **_about(subjects), detail=detail)
    for subject in subjects:
        record_begun(tx, kind, subject, detail, now)
        first = {"since": now, "last_at": now, "count": 1, "detail": detail}
        again = {"last_at": now, "count": alerts.c.count + 1, "detail": detail}
        key = {"kind": kind, "subject": subject}
        write_unless_locked(tx, "alert", partial(upsert, tx, alerts, key, first, again), None)


def _about(subjects: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a log line about these subjects: the only one, or their count and some of them."""
    return {"subject": subjects[0]} if len(subjects) == 1 else {"count": len(subjects), "examples": subjects[:EXAMPLES]}


def clear(tx: Connection, kind: str, subject: str) -> None:
    _delete(tx, alerts.c.kind == kind, alerts.c.subject == subject)


def clear_kinds(tx: Connection, kinds: Sequence[str], subject: str) -> None:
    _delete(tx, alerts.c.kind.in_(kinds), alerts.c.subject == subject)


def clear_subjects(tx: Connection, kind: str, subjects: Collection[str]) -> None:
    _delete(tx, alerts.c.kind == kind, alerts.c.subject.in_(subjects))


def clear_unless_renewed(tx: Connection, seen: Alert) -> None:
    same = (alerts.c.kind == seen.kind, alerts.c.subject == seen.subject, alerts.c.last_at == seen.last_at)
    _delete(tx, *same)


def _delete(tx: Connection, *where: Condition) -> None:
    """Delete alerts, and log each kind. A locked one is not waited for: it is being renewed."""
    statement = delete(alerts).where(*where, *skip_locked(tx, alerts, *where))
    gone: dict[str, list[str]] = {}
    for kind, subject in tx.execute(statement.returning(alerts.c.kind, alerts.c.subject)).all():
        gone.setdefault(kind, []).append(subject)
    for kind, subjects in gone.items():
        emit("alert.cleared", kind=kind, **_about(subjects))


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
    """Return stored alerts, newest first."""
    return _read(connection, select(alerts).order_by(alerts.c.last_at.desc()).limit(limit))


def of_installation(connection: Connection) -> list[Alert]:
    """Return the stored alerts about the installation itself, newest first, OF_INSTALLATION at most."""
    return _read(connection, _OF_INSTALLATION)


def stored(connection: Connection) -> tuple[list[Alert], dict[str, list[Alert]]]:
    """Return the alerts of `of_installation`, and those about single accounts and posts by kind.

    Of each such kind, they are the first MAX_COUNTED by subject.
    """
    found = sorted(_read(connection, _FEW), key=lambda alert: alert.subject)
    if len(found) > OF_INSTALLATION:
        found = _read(connection, _STORED)
    objects: dict[str, list[Alert]] = {}
    for alert in found:
        if alert.kind in PER_OBJECT:
            objects.setdefault(alert.kind, []).append(alert)
    own = [alert for alert in found if alert.kind not in PER_OBJECT]
    return sorted(own, key=lambda alert: alert.last_at, reverse=True), objects


def of_kind(connection: Connection, kind: str, limit: int, start: str = "") -> list[Alert]:
    """Return stored alerts of one kind by subject, from `start` on."""
    found = select(alerts).where(alerts.c.kind == kind, alerts.c.subject >= start)
    return _read(connection, found.order_by(alerts.c.subject).limit(limit))


def _first_of_kind(kind: str) -> sa.Select[Any]:
    first = select(alerts).where(alerts.c.kind == kind).order_by(alerts.c.subject).limit(MAX_COUNTED)
    return select(first.subquery())


_OWN = select(alerts).where(alerts.c.kind.not_in(PER_OBJECT)).order_by(alerts.c.last_at.desc())
_OF_INSTALLATION = _OWN.limit(OF_INSTALLATION)
_STORED = sa.union_all(select(_OF_INSTALLATION.subquery()), *map(_first_of_kind, PER_OBJECT))
_FEW = with_constants(select(alerts).limit(OF_INSTALLATION + 1))  # where there are few, all in any order cost least


def _read(connection: Connection, statement: sa.Select[Any] | sa.CompoundSelect[Any]) -> list[Alert]:
    return [Alert(**row._mapping) for row in connection.execute(statement)]
