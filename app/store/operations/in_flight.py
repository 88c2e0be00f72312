"""The row of the sends in flight to each n8n: the learned window, and the share of each process.

Invariant: one process at a time reads and writes the row, so two shares never count the same room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from app.domain.breaker import row_name
from app.domain.shares import Holder
from app.store.engine import insert_into
from app.store.schema.tables import attempts, in_flight

T = in_flight.c
COLUMNS = (T.size, T.holders)
LATEST = 1_000  # attempts read for n8n's rate


@dataclass(frozen=True, slots=True)
class Shares:
    """The learned window, None before the first answers, and each process with its share."""

    size: float | None
    holders: dict[str, Holder]

    def live(self, now: datetime) -> dict[str, Holder]:
        """Return the processes whose shares have not ended."""
        return {name: holder for name, holder in self.holders.items() if holder.is_live(now)}


def to_shares(size: float | None, holders: Mapping[str, Any] | None) -> Shares:
    """Build the shares from the values of COLUMNS. They are None without a row."""
    found = {
        name: Holder(wanted, held, number, datetime.fromisoformat(until))
        for name, (wanted, held, number, until) in (holders or {}).items()
    }
    return Shares(size, found)


def lock(tx: Connection, index: int = 0) -> Shares:
    """Read the row and keep it locked until the end of the transaction."""
    statement = select(*COLUMNS).where(T.name == row_name(index)).with_for_update()
    row = tx.execute(statement).one_or_none()
    if row is None:
        first = insert_into(tx, in_flight).values(name=row_name(index), size=None, holders={})
        tx.execute(first.on_conflict_do_nothing())
        row = tx.execute(statement).one()
    return to_shares(*row)


def write(tx: Connection, shares: Shares, index: int = 0) -> None:
    """Write the locked row."""
    holders = {
        name: [holder.wanted, holder.held, holder.in_flight, holder.until.isoformat()]
        for name, holder in shares.holders.items()
    }
    tx.execute(update(in_flight).where(T.name == row_name(index)).values(size=shares.size, holders=holders))


def rates(connection: Connection, now: datetime, window: timedelta) -> tuple[float, float]:
    """Return the posts that n8n accepted and reported per second, by the latest attempts."""
    latest = select(attempts.c.accepted_at, attempts.c.reported_at).order_by(attempts.c.started_at.desc()).limit(LATEST)
    since, seconds = now - window, window.total_seconds()
    rows = connection.execute(latest).all()
    accepted = sum(1 for row in rows if row.accepted_at is not None and row.accepted_at >= since)
    reported = sum(1 for row in rows if row.reported_at is not None and row.reported_at >= since)
    return accepted / seconds, reported / seconds
