"""The latest runs of the sweep, one row each.

Invariant: at most KEPT rows stay, so the table is small however often the sweep runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from app.store.schema.tables import sweep_runs

KEPT = 1_000


@dataclass(frozen=True, slots=True)
class SweepRunRow:
    """One run. `remaining` is None where the database was away for the count."""

    started_at: datetime
    duration_ms: int
    status: str
    recovered: int
    failed: int
    expired: int
    armed: int
    held: int
    pruned: int
    remaining: int | None


_COLUMNS = [sweep_runs.c[name] for name in SweepRunRow.__slots__]


def add_run(tx: Connection, run: SweepRunRow) -> int:
    """Keep one run and forget the oldest ones. Returns the row's id."""
    values: dict[str, Any] = {name: getattr(run, name) for name in SweepRunRow.__slots__}
    made = tx.execute(insert(sweep_runs).values(values).returning(sweep_runs.c.id)).scalar_one()
    tx.execute(delete(sweep_runs).where(sweep_runs.c.id <= made - KEPT))
    return int(made)


def note_remaining(tx: Connection, run_id: int, remaining: int) -> None:
    tx.execute(update(sweep_runs).where(sweep_runs.c.id == run_id).values(remaining=remaining))


def latest_runs(connection: Connection, number: int) -> list[SweepRunRow]:
    """Return the latest runs to end, newest first."""
    latest = select(*_COLUMNS).order_by(sweep_runs.c.id.desc()).limit(number)
    return [SweepRunRow(*row) for row in connection.execute(latest)]
