"""Reads that decide whether alerts begin or end.

Invariant: each read is bounded, regardless of the size of the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.lifecycle import Status
from app.store.schema.tables import STALE_REASONS, SWEPT, attempts, posts, social_accounts, transitions

SAMPLE = 10_000  # the latest attempts read


@dataclass(frozen=True, slots=True)
class Occurrences:
    """The number of occurrences, and the instants of the first and the last."""

    count: int
    first: datetime
    last: datetime


def first_transition_at(connection: Connection) -> datetime | None:
    """Return the instant of the oldest transition, or None in an unused installation."""
    return connection.execute(select(transitions.c.at).order_by(transitions.c.id).limit(1)).scalar()


def stale_claims(connection: Connection, since: datetime) -> Occurrences | None:
    """Return the claims since `since` whose lease ended unsettled, or None without any."""
    at = transitions.c.at
    statement = select(sa.func.count(), sa.func.min(at), sa.func.max(at))
    count, first, last = connection.execute(statement.where(sa.text(STALE_REASONS), at >= since)).one()
    return Occurrences(count, first, last) if count else None


def swept(connection: Connection, since: datetime) -> Occurrences | None:
    """Return the sends by the sweep since `since`, or None without any."""
    at = attempts.c.started_at
    latest = select(at).where(sa.text(SWEPT), at >= since).order_by(at.desc()).limit(SAMPLE).subquery()
    return _occurrences(connection, latest.c.started_at)


def overdue(connection: Connection, before: datetime) -> Occurrences | None:
    """Return the scheduled posts due before `before`, or None without any."""
    due = posts.c.next_attempt_at
    oldest = select(due).where(posts.c.status == Status.SCHEDULED, due < before).order_by(due).limit(SAMPLE).subquery()
    return _occurrences(connection, oldest.c.next_attempt_at)


def _occurrences(connection: Connection, at: sa.ColumnElement[datetime]) -> Occurrences | None:
    count, first, last = connection.execute(select(sa.func.count(), sa.func.min(at), sa.func.max(at))).one()
    return Occurrences(count, first, last) if count else None


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


def account_exists(connection: Connection, account_id: str) -> bool:
    statement = select(social_accounts.c.id).where(social_accounts.c.id == account_id)
    return connection.execute(statement).scalar() is not None


def _first_attempts(since: datetime) -> sa.Select[tuple[datetime, float]]:
    a = attempts.c
    return select(a.started_at, a.lateness_ms).where(a.started_at >= since, a.attempt == 1, a.lateness_ms.is_not(None))
