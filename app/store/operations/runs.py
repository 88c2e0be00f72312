"""The lease of the sweep, and the figures of all sweeps.

Invariant: a lease has one holder at a time, and a dead holder loses it at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.store.ends import is_over
from app.store.engine import Database, upsert
from app.store.row_locks import skip_locked
from app.store.schema.tables import leases, sweeps

SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class Lease:
    holder: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SweepFigures:
    """The figures over all instances since the first run."""

    total_runs: int
    last_run_at: datetime
    last_duration_ms: float
    last_status: str
    total_sent: int = 0
    total_failed: int = 0


def acquire_lease(db: Database, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
    """Acquire or renew a lease for `holder` until `until`.

    Returns False if another holder has it, or is about to. A lease past its end is free. So is a lease that a clock
    ahead of time has written, which is safe: claims decide between two sweeps.
    """
    values = {"holder": holder, "expires_at": until}
    free = (leases.c.name == name, or_(is_over(leases.c.expires_at, now, until), leases.c.holder == holder))
    with db.transaction() as tx:
        if tx.execute(update(leases).where(*free, *skip_locked(tx, leases, *free)).values(values)).rowcount == 1:
            return True
        if tx.execute(select(leases.c.name).where(leases.c.name == name)).first():
            return False
    try:
        with db.transaction() as tx:
            tx.execute(insert(leases).values(name=name, **values))
    except IntegrityError:
        return False  # another instance inserted it first
    return True


def release_lease(tx: Connection, name: str, holder: str) -> None:
    tx.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def record_run(
    tx: Connection, name: str, *, started: datetime, duration_ms: float, status: str, sent: int = 0, failed: int = 0
) -> None:
    """Add one run of any instance to the figures.

    Of concurrent runs, the last to end is shown as the last run.
    """
    last: dict[str, Any] = {"last_run_at": started, "last_duration_ms": duration_ms, "last_status": status}
    adding = {"total_runs": 1, "total_sent": sent, "total_failed": failed}
    upsert(tx, sweeps, {"name": name}, last | adding, last | {key: sweeps.c[key] + adding[key] for key in adding})


def read_figures(connection: Connection, name: str) -> SweepFigures | None:
    s = sweeps.c
    columns = (s.total_runs, s.last_run_at, s.last_duration_ms, s.last_status, s.total_sent, s.total_failed)
    row = connection.execute(select(*columns).where(s.name == name)).one_or_none()
    return SweepFigures(*row) if row else None
