"""Gauges of the metrics that no other page reads: webhook events, and the connections of this process.

Invariant: each count stops at MOST, along a partial index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, select

from app.store.engine import MAX_CONNECTIONS
from app.store.schema.webhooks import webhook_events

MOST = 10_000
T = webhook_events.c


@dataclass(frozen=True, slots=True)
class WebhookFigures:
    """Numbers of pending and failed events, at most MOST each, and the instant of the oldest pending one."""

    pending: int
    failed: int
    oldest_pending: datetime | None


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """The database connections of this process: in use, open, and the most that may be open."""

    used: int
    open: int
    most: int


def of_webhooks(connection: Connection) -> WebhookFigures:
    # A literal status: with a parameter, SQLite could not know that the partial index covers the rows.
    waits = select(T.created_at).where(sa.text("status = 'pending'")).order_by(T.next_try_at).limit(MOST).subquery()
    failed = select(T.created_at).where(sa.text("status = 'failed'")).order_by(T.created_at).limit(MOST).subquery()
    number, oldest = connection.execute(select(sa.func.count(), sa.func.min(waits.c.created_at))).one()
    lost = connection.execute(select(sa.func.count()).select_from(failed)).scalar_one()
    return WebhookFigures(number, lost, oldest)


def of_pool(engine: Engine) -> PoolFigures:
    pool = engine.pool
    if not isinstance(pool, sa.QueuePool):
        return PoolFigures(0, 0, 0)
    used = pool.checkedout()
    return PoolFigures(used, used + pool.checkedin(), engine.get_execution_options()[MAX_CONNECTIONS])
