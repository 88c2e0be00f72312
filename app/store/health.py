"""The state of the database for monitors: reachable, migrated, writable.

Invariant: one read, no lock, no write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.domain.errors import NotMigrated
from app.store.database_errors import is_read_only
from app.store.engine import Database
from app.store.migrations_folder import MIGRATIONS

State = Literal["ok", "not_migrated", "read_only"]
_FILE = re.compile(r"(\d{4})_\w+\.py")
_POSTGRESQL = sa.text("SELECT version_num, current_setting('transaction_read_only') FROM alembic_version")
_SQLITE = sa.text("SELECT version_num, 'off' FROM alembic_version")
_NO_WRITE = "UPDATE alembic_version SET version_num = version_num WHERE 1 = 0"  # refused by a read-only SQLite


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """`version` is the newest migration run, empty without one."""

    state: State
    version: str


def read_state(db: Database) -> DatabaseState:
    """Read the state. A database migrated by newer code counts as migrated.

    Raises: Unavailable when the database does not answer.
    """
    try:
        with db.reading() as connection:
            row = connection.execute(_POSTGRESQL if db.is_postgresql else _SQLITE).first()
            takes_writes = db.is_postgresql or _sqlite_takes_writes(connection)
    except NotMigrated:
        row, takes_writes = None, False
    is_read_only = row is not None and not (takes_writes and row[1] == "off")
    if is_read_only:
        db.close()  # after a failover, idle connections may still lead to the read-only server
    if row is None or row[0] < newest_migration():
        return DatabaseState("not_migrated", row[0] if row else "")
    return DatabaseState("read_only" if is_read_only else "ok", row[0])


@cache
def newest_migration() -> str:
    """Return the number of the newest migration, from the file names: importing Alembic is slow."""
    return max(found[1] for path in (MIGRATIONS / "versions").iterdir() if (found := _FILE.fullmatch(path.name)))


def _sqlite_takes_writes(connection: Connection) -> bool:
    """Return False for a read-only file. A file locked by another writer takes writes, after a moment."""
    waits = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        connection.exec_driver_sql(_NO_WRITE)
    except DBAPIError as error:
        return not is_read_only(error)
    finally:
        if not connection.invalidated:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {waits}")
    return True
