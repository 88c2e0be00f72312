"""The measured lateness of alarms.

Invariant: the read is bounded for any number of attempts.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from app.domain.lead import SAMPLE
from app.store.schema.tables import attempts

READ = 2 * SAMPLE  # attempts, of which the sweep's and the delayed ones carry no lateness


def latest_alarms(connection: Connection) -> list[float]:
    """Return the lateness in ms of at most SAMPLE alarms, of the latest READ attempts."""
    a = attempts.c
    latest = select(a.alarm_late_ms, a.started_at).order_by(a.started_at.desc()).limit(READ).subquery().c
    measured = select(latest.alarm_late_ms).where(latest.alarm_late_ms.is_not(None))
    return [*connection.execute(measured.order_by(latest.started_at.desc()).limit(SAMPLE)).scalars()]


def latest_message(connection: Connection) -> datetime | None:
    """Return the instant when a message last woke a post, by the latest READ attempts."""
    a = attempts.c
    latest = select(a.woken_at, a.trigger).order_by(a.started_at.desc()).limit(READ).subquery().c
    return connection.execute(select(func.max(latest.woken_at)).where(latest.trigger == "message")).scalar()
