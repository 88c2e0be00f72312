"""Inspect the database for the doctor: the schema, the role's rights, and a write that is rolled back.

Invariant: nothing here leaves a change behind.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Connection, insert
from sqlalchemy.exc import DBAPIError

from app.store.database_errors import cause_of
from app.store.engine import Database
from app.store.schema.tables import alerts, metadata

#: Enough that a full disk refuses it, and too random to be compressed.
WRITTEN_BYTES = 256 * 1024
MAX_LINE = 200
_RIGHTS = sa.text(
    """
    SELECT class.relname, wanted.name FROM pg_class AS class
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS wanted(name)
    WHERE class.oid IN (SELECT to_regclass(quote_ident(name)) FROM unnest(:tables) AS names(name))
    AND NOT has_table_privilege(class.oid, wanted.name)
    UNION ALL
    SELECT 'transitions_id_seq', 'USAGE'
    WHERE NOT has_sequence_privilege(pg_get_serial_sequence('transitions', 'id'), 'USAGE')
    ORDER BY 1, 2
    """
)


class _RolledBackError(Exception):
    """The write has worked, and must not be kept."""


def missing_parts(connection: Connection) -> tuple[list[str], list[str]]:
    """Return the missing tables and columns, and the missing indexes, as names such as `posts.media`."""
    inspector = sa.inspect(connection)
    columns = {name[1]: {c["name"] for c in found} for name, found in inspector.get_multi_columns().items()}
    indexes = {name[1]: {i["name"] for i in found} for name, found in inspector.get_multi_indexes().items()}
    parts, lost_indexes = [], []
    for table in metadata.sorted_tables:
        if table.name not in columns:
            parts.append(table.name)
            continue
        parts += [f"{table.name}.{c.name}" for c in table.columns if c.name not in columns[table.name]]
        lost_indexes += [str(i.name) for i in table.indexes if i.name not in indexes.get(table.name, set())]
    return parts, sorted(lost_indexes)


def missing_rights(connection: Connection) -> list[str]:
    """Return the rights that our PostgreSQL role lacks, such as `INSERT on posts`. SQLite has none."""
    if connection.dialect.name != "postgresql":
        return []
    found = connection.execute(_RIGHTS, {"tables": [table.name for table in metadata.sorted_tables]})
    return [f"{right} on {name}" for name, right in found]


def try_write(db: Database) -> None:
    """Write a large row and roll it back.

    Raises: Unavailable when the database does not take it.
    """
    at = datetime(2000, 1, 1, tzinfo=UTC)
    row = {"kind": "doctor", "subject": uuid.uuid4().hex, "since": at, "last_at": at, "count": 1}
    try:
        with db.transaction() as tx:
            if db.is_postgresql:
                tx.execute(insert(alerts).values(**row, detail=secrets.token_hex(WRITTEN_BYTES // 2)))
            else:
                _write_through_cache(tx, row)
            raise _RolledBackError
    except _RolledBackError:
        pass


def _write_through_cache(tx: Connection, row: dict[str, object]) -> None:
    """Write with a small cache, so SQLite writes to the disk before the end of the transaction."""
    pages = tx.exec_driver_sql("PRAGMA cache_size").scalar()
    tx.exec_driver_sql("PRAGMA cache_size = 10")
    try:
        tx.execute(insert(alerts).values(**row, detail=secrets.token_hex(WRITTEN_BYTES // 2)))
    finally:
        if not tx.invalidated:
            tx.exec_driver_sql(f"PRAGMA cache_size = {pages}")


def driver_line(error: BaseException, database_url: str) -> tuple[str, str]:
    """Return the driver's code and the first line of its text, without the URL's password."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, DBAPIError):
        cause = cause.__cause__
    driver = cause.orig if cause is not None else None
    lines = str(driver or error).strip().splitlines() or [type(error).__name__]
    line = lines[0][:MAX_LINE]
    for secret in _passwords(database_url):
        line = line.replace(secret, "***")
    return cause_of(driver), line


def _passwords(database_url: str) -> list[str]:
    """Return the forms of the password, longest first: as typed in the URL, and decoded."""
    typed = database_url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    try:
        decoded = str(sa.make_url(database_url).password or "")
    except (sa.exc.ArgumentError, ValueError):
        decoded = ""
    return sorted({form for form in (typed, decoded) if form}, key=len, reverse=True)
