"""Figures for the status route: what is overdue, unarmed or parked, and how late posts were sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.lifecycle import Status
from app.store.models import attempts, posts

SAMPLE = 10_000  # the latest attempts that percentiles are taken over


@dataclass(frozen=True, slots=True)
class Overdue:
    count: int
    oldest: datetime | None


def overdue(connection: Connection, before: datetime) -> Overdue:
    statement = select(sa.func.count(), sa.func.min(posts.c.next_attempt_at)).where(
        posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at < before
    )
    count, oldest = connection.execute(statement).one()
    return Overdue(count, oldest)


def unarmed_and_parked(connection: Connection, horizon: datetime) -> tuple[int, int]:
    """Scheduled without a message: within the horizon, and beyond it."""
    is_parked = posts.c.next_attempt_at >= horizon
    statement = select(sa.func.count(), sa.func.sum(sa.case((is_parked, 1), else_=0))).where(
        posts.c.status == Status.SCHEDULED, posts.c.message_id.is_(None)
    )
    count, parked = connection.execute(statement).one()
    return count - (parked or 0), parked or 0


def lateness(connection: Connection, since: datetime) -> dict[str, Any]:
    """Percentiles, in ms, of the first attempts begun since then: later ones are late by design."""
    statement = (
        select(attempts.c.lateness_ms)
        .where(attempts.c.started_at >= since, attempts.c.attempt == 1, attempts.c.lateness_ms.is_not(None))
        .order_by(attempts.c.started_at.desc())
        .limit(SAMPLE)
    )
    values = sorted(connection.execute(statement).scalars())
    named = {"p50Ms": 0.5, "p95Ms": 0.95, "p99Ms": 0.99, "maxMs": 1.0}
    return {name: _percentile(values, share) for name, share in named.items()} | {"count": len(values)}


def _percentile(values: list[float], share: float) -> float | None:
    """Nearest rank."""
    if not values:
        return None
    return round(values[max(0, -(-int(share * 1000) * len(values) // 1000) - 1)], 3)
