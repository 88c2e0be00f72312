"""Row locks: skip locked rows in statements for many, and bound the wait of a side record.

Invariant: one locked row delays the work on that row alone. SQLite has one writer at a time, so nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.log import emit
from app.store.database_errors import is_locked
from app.store.schema.columns import Condition
from app.store.sessions import LOCK_LIMIT

SIDE_WAIT_MS = 250  # of a settle for the breaker's row, which all instances share
Written = TypeVar("Written")


def unlocked(table: sa.Table, *where: Condition) -> sa.CTE:
    """Select and lock the keys of the rows that no other transaction holds.

    A CTE: PostgreSQL may run a plain subquery more than once. The lock is the one that an UPDATE takes, so inserts of
    child rows go on.
    """
    keys = sa.select(*table.primary_key.columns).where(*where)
    return keys.with_for_update(skip_locked=True, key_share=True).cte(f"unlocked_{table.name}")


def skip_locked(tx: Connection, table: sa.Table, *where: Condition) -> tuple[Condition, ...]:
    """Return the condition that a row is among `unlocked`, none on SQLite."""
    if tx.dialect.name != "postgresql":
        return ()
    free = unlocked(table, *where)
    key = list(table.primary_key.columns)
    return ((key[0] if len(key) == 1 else sa.tuple_(*key)).in_(sa.select(*free.c)),)


def take_unlocked(tx: Connection, keys: sa.Select[Any]) -> sa.Select[Any]:
    """Return the same select for a DELETE, without the rows that another transaction holds."""
    if tx.dialect.name != "postgresql":
        return keys
    return sa.select(keys.with_for_update(skip_locked=True).cte("unlocked"))


def write_unless_locked(tx: Connection, about: str, write: Callable[[], Written], otherwise: Written) -> Written:
    """Call `write` within a savepoint, with a short wait for locks. Return `otherwise` where a row stays locked.

    The rest of the transaction goes on in both cases.
    """
    if tx.dialect.name != "postgresql":
        return write()
    tx.exec_driver_sql(f"SAVEPOINT side; SET LOCAL lock_timeout = {SIDE_WAIT_MS}")
    try:
        written = write()
    except DBAPIError as error:
        if not is_locked(error):
            raise
        tx.exec_driver_sql("ROLLBACK TO SAVEPOINT side; RELEASE SAVEPOINT side")
        emit("database.side_record_skipped", about=about)
        return otherwise
    usual: Any = tx.info.get(LOCK_LIMIT, 0)
    tx.exec_driver_sql(f"SET LOCAL lock_timeout = {usual}; RELEASE SAVEPOINT side")
    return written
