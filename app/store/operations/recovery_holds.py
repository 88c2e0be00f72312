"""Rows of `recovery_holds`, and the latest instant that the database knows.

Invariant: a rollback has one row, and its posts in doubt are held before the row is finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, insert, select, update

from app.store.schema.tables import attempts, posts, recovery_holds, sweeps, transitions

H = recovery_holds.c


@dataclass(frozen=True, slots=True)
class Rollback:
    """A time that the database went back.

    The backup is not older than `since`, and `until` is the discovery. `proven_at` is an instant after the backup:
    rows changed since then were written after the restore. None where no such instant is known.
    """

    id: int
    since: datetime
    until: datetime
    proven_at: datetime | None
    evidence: str
    held: int
    finished_at: datetime | None


def begin(tx: Connection, *, since: datetime, until: datetime, proven_at: datetime | None, evidence: str) -> Rollback:
    values = {"since": since, "until": until, "proven_at": proven_at, "evidence": evidence, "held": 0}
    return Rollback(**tx.execute(insert(recovery_holds).values(values).returning(recovery_holds)).one()._mapping)


def add_held(tx: Connection, rollback: Rollback, count: int) -> None:
    tx.execute(update(recovery_holds).where(H.id == rollback.id).values(held=H.held + count))


def finish(tx: Connection, rollback: Rollback, now: datetime) -> int:
    """Mark the rollback as finished. Returns the number of all posts held for it."""
    finished = update(recovery_holds).where(H.id == rollback.id).values(finished_at=now)
    return int(tx.execute(finished.returning(H.held)).scalar_one())


def finish_earlier(tx: Connection, rollback: Rollback, now: datetime) -> None:
    """Finish the unfinished rollbacks before this one, which holds their posts as well."""
    earlier = (H.id < rollback.id, H.finished_at.is_(None))
    tx.execute(update(recovery_holds).where(*earlier).values(finished_at=now))


def unfinished(connection: Connection) -> Rollback | None:
    statement = select(recovery_holds).where(H.finished_at.is_(None)).order_by(H.id).limit(1)
    row = connection.execute(statement).one_or_none()
    return Rollback(**row._mapping) if row else None


def is_known(connection: Connection, proven_at: datetime) -> bool:
    """Return True if a rollback discovered at or after `proven_at` is recorded."""
    return connection.execute(select(H.id).where(H.until >= proven_at).limit(1)).first() is not None


def latest_instant(connection: Connection, before: datetime | None = None) -> datetime | None:
    """Return the latest instant written to the database, None in an unused one.

    With `before`, later ones do not count: the app wrote them after the restore. Reads few rows: the newest
    transitions, and the ends of an index or of a small table.
    """
    columns = (transitions.c.at, attempts.c.started_at, sweeps.c.last_run_at)
    found = [_latest(connection, column, before) for column in columns]
    if before is None:  # an edit writes no transition. This reads the whole table, once in a command
        found.append(connection.execute(select(sa.func.max(posts.c.updated_at))).scalar())
    return max((instant for instant in found if instant is not None), default=None)


def _latest(connection: Connection, column: sa.Column[datetime], before: datetime | None) -> datetime | None:
    order = transitions.c.id if column.table is transitions else column
    statement = select(column).order_by(order.desc()).limit(1)
    return connection.execute(statement if before is None else statement.where(column < before)).scalar()
