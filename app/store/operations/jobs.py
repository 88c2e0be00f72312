"""Rows of bulk jobs: the operations that are left of a long bulk call, and the results so far.

Invariant: a job's progress is written with the rows that it is about, and only by the process that saw its last state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, select, update

from app.store.row_locks import take_unlocked
from app.store.schema.tables import jobs

J = jobs.c
Stored = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Job:
    """One row of `jobs`. `position` is the number of results, `operations` are the rows that are left."""

    id: str
    user_id: str
    total: int
    position: int
    operations: Stored
    results: Stored
    finished: bool
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


def create(tx: Connection, job: Job) -> None:
    tx.execute(insert(jobs).values({name: getattr(job, name) for name in Job.__slots__}))


def by_id(connection: Connection, job_id: str, user_id: str) -> Job | None:
    """Return the user's job, or None."""
    row = connection.execute(select(jobs).where(J.id == job_id, J.user_id == user_id)).one_or_none()
    return Job(**row._mapping) if row else None


def count_open(connection: Connection, user_id: str, most: int) -> int:
    """Count the user's unfinished jobs, up to `most`."""
    few = select(sa.literal(1)).where(J.user_id == user_id, ~J.finished).limit(most).subquery()
    return connection.execute(select(sa.func.count()).select_from(few)).scalar_one()


def least_recent(connection: Connection) -> Job | None:
    """Return the unfinished job whose last progress was longest ago, None without one."""
    statement = select(jobs).where(~J.finished).order_by(J.updated_at, J.id).limit(1)
    row = connection.execute(statement).one_or_none()
    return Job(**row._mapping) if row else None


def record(tx: Connection, job: Job, expected: int, operations: Stored, results: Stored, now: datetime) -> bool:
    """Write the progress. Returns False if another process has done so since the position was `expected`."""
    values = {"position": len(results), "operations": operations, "results": results, "updated_at": now}
    where = (J.id == job.id, J.position == expected, ~J.finished)
    return tx.execute(update(jobs).where(*where).values(values | {"finished": not operations})).rowcount == 1


def prune(tx: Connection, now: datetime, limit: int) -> int:
    """Delete at most `limit` jobs past their end. Returns the count."""
    old = select(J.id).where(J.expires_at <= now).order_by(J.expires_at).limit(limit)
    return tx.execute(delete(jobs).where(J.id.in_(take_unlocked(tx, old)))).rowcount
