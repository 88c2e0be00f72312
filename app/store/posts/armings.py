"""The alarms that each user has set in a clock hour. Writes no post.

Invariant: one statement decides and counts, so concurrent orders of a user never pass the limit together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select

from app.store.engine import insert_for, insert_into
from app.store.schema.tables import armings

KEPT = timedelta(hours=2)
T = armings.c


def hour_of(now: datetime) -> datetime:
    """Return the start of the clock hour."""
    return now.replace(minute=0, second=0, microsecond=0)


def spend(connection: Connection, user_id: str, now: datetime, limit: int) -> bool:
    """Count one alarm of this user. Returns False, and counts nothing, if `limit` are counted in this hour.

    The transaction must contain nothing else, because PostgreSQL commits it without waiting for the disk.
    """
    values = {"user_id": user_id, "hour": hour_of(now), "most": limit}
    return connection.execute(_spend(connection.dialect.name), values).one_or_none() is not None


@cache
def _spend(dialect: str) -> sa.Executable:
    """Build the statement once: each schedule executes it, and building it costs as much."""
    postgresql = dialect == "postgresql"
    returned = [T.spent, *([sa.func.set_config("synchronous_commit", "off", True)] if postgresql else [])]
    key = {name: sa.bindparam(name, type_=T[name].type) for name in ("user_id", "hour")}
    row = insert_for(dialect, armings).values(**key, spent=1)
    is_left = T.spent < sa.bindparam("most", type_=sa.Integer())
    more = row.on_conflict_do_update(index_elements=[*key], set_={"spent": T.spent + 1}, where=is_left)
    statement: sa.Executable = more.returning(*returned)
    return statement


def spend_many(connection: Connection, user_id: str, now: datetime, wanted: int, limit: int) -> int:
    """Count as many alarms of this user as the limit allows, `wanted` at most. Returns their number.

    Concurrent orders of the same user can make it 0 although a few were left: the sweep arms those posts.
    """
    granted = min(wanted, limit)
    for _ in range(2):
        if granted <= 0:
            return 0
        row = insert_into(connection, armings).values(user_id=user_id, hour=hour_of(now), spent=granted)
        more = row.on_conflict_do_update(
            index_elements=["user_id", "hour"], set_={"spent": T.spent + granted}, where=T.spent <= limit - granted
        )
        if connection.execute(more.returning(T.spent)).one_or_none() is not None:
            return granted
        granted = min(wanted, limit - spent_by(connection, [user_id], now).get(user_id, 0))
    return 0


def spent_by(connection: Connection, users: Collection[str], now: datetime) -> dict[str, int]:
    """Return the number of alarms of these users in this hour. A user without one is left out."""
    found = connection.execute(select(T.user_id, T.spent).where(T.hour == hour_of(now), T.user_id.in_(users)))
    return {row.user_id: row.spent for row in found}


def add(tx: Connection, numbers: Mapping[str, int], now: datetime) -> None:
    """Add to the numbers of these users in this hour, in one order, so that two callers cannot deadlock."""
    for user_id in sorted(numbers):
        more = numbers[user_id]
        row = insert_into(tx, armings).values(user_id=user_id, hour=hour_of(now), spent=more)
        tx.execute(row.on_conflict_do_update(index_elements=["user_id", "hour"], set_={"spent": T.spent + more}))


def prune(tx: Connection, now: datetime) -> None:
    """Delete the numbers of past hours."""
    tx.execute(delete(armings).where(T.hour < now - KEPT))
