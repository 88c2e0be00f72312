"""Figures for the status route: posts by status, overdue, unarmed and parked posts, and lateness.

Invariant: each figure is read along an index and bounded, regardless of the number of posts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.lifecycle import FINAL, Status
from app.store.operations import counts
from app.store.operations.counts import Kind
from app.store.schema.tables import attempts, posts

SAMPLE = 1_000  # the latest attempts in the percentiles: ranking more would be most of the route's cost
PER_MILLE = {"p50Ms": 500, "p95Ms": 950, "p99Ms": 990, "maxMs": 1000}


@dataclass(frozen=True, slots=True)
class Overdue:
    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Queue:
    """The number of posts by status, and of posts ever published."""

    by_status: dict[str, int]
    total_published: int


def queue(connection: Connection) -> Queue:
    by_status = {}
    for status in Status:
        final = counts.total(connection, status) if status in FINAL else None
        by_status[status.value] = final.here if final else counts.count(connection, counts.of_status(status))
        if final is not None and status is Status.PUBLISHED:
            published = final.ever
    return Queue(by_status, published)


def overdue(connection: Connection, before: datetime) -> Overdue:
    kind = _overdue(before)
    oldest = select(posts.c.next_attempt_at).where(*kind.where).order_by(kind.key).limit(1)
    return Overdue(counts.count(connection, kind), connection.execute(oldest).scalar())


def unarmed_and_parked(connection: Connection, horizon: datetime) -> tuple[int, int]:
    """Count scheduled posts without a message, before the horizon and from it on."""
    return counts.count(connection, _unarmed(horizon)), counts.count(connection, _parked(horizon))


def large_kinds(overdue_before: datetime, horizon: datetime) -> list[Kind]:
    """Return the kinds counted by the sweep.

    They may be too large for the status route to count.
    """
    live = [counts.of_status(status) for status in Status if status not in FINAL]
    return [*live, _overdue(overdue_before), _unarmed(horizon), _parked(horizon)]


def _overdue(before: datetime) -> Kind:
    due = posts.c.next_attempt_at
    return Kind("overdue", due, (posts.c.status == Status.SCHEDULED, due < before))


def _unarmed(horizon: datetime) -> Kind:
    due = posts.c.next_attempt_at
    return Kind("unarmed", due, (posts.c.status == Status.SCHEDULED, posts.c.message_id.is_(None), due < horizon))


def _parked(horizon: datetime) -> Kind:
    due = posts.c.next_attempt_at
    return Kind("parked", due, (posts.c.status == Status.SCHEDULED, posts.c.message_id.is_(None), due >= horizon))


def lateness(connection: Connection, since: datetime) -> dict[str, Any]:
    """Return the percentiles, by nearest rank in ms, of first attempts begun since `since`.

    Later attempts are left out, because they are late by design. The database ranks at most the latest SAMPLE attempts.
    A percentile is None without attempts.
    """
    latest = (
        select(attempts.c.attempt, attempts.c.lateness_ms)
        .where(attempts.c.started_at >= since)
        .order_by(attempts.c.started_at.desc())
        .limit(SAMPLE)
        .subquery()
    )
    late, first = latest.c.lateness_ms, (latest.c.attempt == 1, latest.c.lateness_ms.is_not(None))
    ranks = sa.func.row_number().over(order_by=late).label("rank")
    ranked = select(late, ranks, sa.func.count().over().label("number")).where(*first).subquery()
    wanted = [ranked.c.rank == (share * ranked.c.number + 999) // 1000 for share in PER_MILLE.values()]
    rows = connection.execute(select(ranked.c.rank, ranked.c.lateness_ms, ranked.c.number).where(sa.or_(*wanted))).all()
    number = rows[0].number if rows else 0
    by_rank = {rank: round(value, 3) for rank, value, _ in rows}
    return {name: by_rank.get((share * number + 999) // 1000) for name, share in PER_MILLE.items()} | {"count": number}
