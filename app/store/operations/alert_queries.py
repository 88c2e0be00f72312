"""Reads that decide whether alerts begin or end.

Invariant: each read is bounded, regardless of the size of the tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain import alerts as rules
from app.domain.lifecycle import Status
from app.store.operations.rows_of_one_statement import Figures, part, read, statement
from app.store.schema.columns import Instant
from app.store.schema.tables import STALE_REASONS, SWEPT, attempts, posts, social_accounts, transitions

SAMPLE = 1_000  # the latest attempts read, and the oldest of long overdue posts


@dataclass(frozen=True, slots=True)
class Occurrences:
    """The number of occurrences, and the instants of the first and the last."""

    count: int
    first: datetime
    last: datetime


def first_transition_at(connection: Connection) -> datetime | None:
    """Return the instant of the oldest transition, or None in an unused installation."""
    return connection.execute(select(transitions.c.at).order_by(transitions.c.id).limit(1)).scalar()


@dataclass(frozen=True, slots=True)
class Symptoms:
    """The occurrences of all derived alerts, each None without any. `recent` first attempts began in the last hour.

    `recent_late` of them were later than the alert's least lateness.
    """

    stale_claims: Occurrences | None
    swept: Occurrences | None
    overdue: Occurrences | None
    recent: int
    recent_late: int


def symptoms(connection: Connection, now: datetime) -> Symptoms:
    """Read the claims and sends of the last hour, and the posts that are long overdue, in one statement."""
    found = read(connection, _SYMPTOMS, windows(now))
    return symptoms_in(found, _occurrences(found["overdue"]))


def long_overdue(connection: Connection, now: datetime) -> Occurrences | None:
    """Read the posts that are long overdue."""
    return _occurrences(read(connection, _OVERDUE, windows(now))["overdue"])


def windows(now: datetime) -> dict[str, datetime]:
    """Return the parameters of SYMPTOMS."""
    return {
        "stale_from": now - rules.STALE_CLAIM_WINDOW,
        "swept_from": now - rules.SWEPT_WINDOW,
        "long_overdue_before": now - rules.LONG_OVERDUE,
        "recent_from": now - rules.LATENESS_WINDOW,
    }


def symptoms_in(found: Mapping[str, Figures], overdue: Occurrences | None) -> Symptoms:
    """Return the symptoms in the figures of a statement with the parts of SYMPTOMS, and the overdue posts."""
    recent = found["recent"]
    stale, swept = (_occurrences(found[name]) for name in ("stale", "swept"))
    return Symptoms(stale, swept, overdue, recent.count, recent.count2 or 0)


def _occurrences(found: Figures) -> Occurrences | None:
    if found.at is None or found.at2 is None:
        return None
    return Occurrences(found.count, found.at, found.at2)


def _bound(name: str) -> sa.BindParameter[datetime]:
    return sa.bindparam(name, type_=Instant)


def _part(name: str, at: sa.ColumnElement[datetime]) -> sa.Select[Any]:
    return part(name, [sa.func.count()], [sa.func.min(at), sa.func.max(at)])


def _symptoms() -> list[sa.Select[Any]]:
    began, ended = attempts.c.started_at, transitions.c.at
    latest = select(began.label("at")).where(sa.text(SWEPT), began >= _bound("swept_from"))
    recent = _first_attempts(_bound("recent_from")).order_by(began.desc()).limit(SAMPLE).subquery()
    late = sa.func.sum(sa.case((recent.c.lateness_ms > rules.MIN_ALERT_LATENESS_MS, 1), else_=0))
    return [
        _part("stale", ended).where(sa.text(STALE_REASONS), ended >= _bound("stale_from")),
        _part("swept", latest.order_by(began.desc()).limit(SAMPLE).subquery().c.at),
        part("recent", [sa.func.count(), late], source=recent),
    ]


def _overdue() -> sa.Select[Any]:
    due = posts.c.next_attempt_at
    oldest = select(due.label("at")).where(posts.c.status == Status.SCHEDULED, due < _bound("long_overdue_before"))
    return _part("overdue", oldest.order_by(due).limit(SAMPLE).subquery().c.at)


def lateness_since(connection: Connection, since: datetime) -> list[tuple[datetime, float]]:
    """Return (start, lateness in ms) of first attempts since `since`, latest first.

    Later attempts are left out, because they are late by design.
    """
    statement = _first_attempts(since).order_by(attempts.c.started_at.desc()).limit(SAMPLE)
    return [(row.started_at, row.lateness_ms) for row in connection.execute(statement)]


def share_late(connection: Connection, since: datetime, before: datetime, over_ms: float) -> tuple[int, float]:
    """Return the number of first attempts and the share of them later than `over_ms`."""
    latest = _first_attempts(since).where(attempts.c.started_at < before)
    sample = latest.order_by(attempts.c.started_at.desc()).limit(SAMPLE).subquery()
    late = sa.func.sum(sa.case((sample.c.lateness_ms > over_ms, 1), else_=0))
    count, found = connection.execute(select(sa.func.count(), late).select_from(sample)).one()
    return count, (found or 0) / count if count else 0.0


def accepted_since(connection: Connection, since: datetime) -> bool:
    """Return True if n8n accepted a post sent after `since`."""
    taken = (attempts.c.started_at > since, attempts.c.http_status.between(200, 299))
    return connection.execute(select(sa.literal(1)).where(sa.exists().where(*taken))).scalar() is not None


def existing_accounts(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return those of the ids that are of an account."""
    return set(connection.execute(select(social_accounts.c.id).where(social_accounts.c.id.in_(ids))).scalars())


def _first_attempts(since: datetime | sa.BindParameter[datetime]) -> sa.Select[tuple[datetime, float]]:
    a = attempts.c
    return select(a.started_at, a.lateness_ms).where(a.started_at >= since, a.attempt == 1, a.lateness_ms.is_not(None))


SYMPTOMS = _symptoms()  # parts of the status route's statement, which knows the overdue posts already
_SYMPTOMS = statement(*SYMPTOMS, _overdue())
_OVERDUE = statement(_overdue())
