"""The errors of PostgreSQL and SQLite, sorted by their code: what they mean, and whether the connection can stay.

Invariant: a database that cannot work now raises `Unavailable` or a subclass, never a driver error. No value of a row
or a parameter stays in an error's text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.domain.errors import Locked, NotMigrated, Unavailable
from app.log import emit

READ_ONLY = "25006"
#: A missing table, column or schema: the code is ahead of the migrations.
NOT_MIGRATED = frozenset({"42P01", "42703", "3F000"})
#: Another transaction holds the row: lock timeout, deadlock, serialization failure.
LOCKED = frozenset({"55P03", "40P01", "40001"})
#: The connection works on: a cancelled statement, a missing privilege.
KEPT = frozenset({"57014", "42501"})
#: The whole server is meant, not one session, so every pooled connection is replaced.
WHOLE_SERVER = frozenset({READ_ONLY, "57P01", "57P02", "57P03"})
#: Ended sessions: idle in a transaction, transaction timeout.
ENDED = frozenset({"25P03", "25P04"})
#: Connection, resources, operator, system, internal. Poolers report a lost server with 08P01 or XX000.
REPLACED_CLASSES = ("08", "53", "57", "58", "XX")
#: Refusals of a new connection, by PostgreSQL or a pooler: libpq passes on their text alone, without the code.
REFUSED_CONNECTIONS = {
    "too many clients": "53300",
    "too many connections": "53300",
    "connection slots are reserved": "53300",
    "no more connections allowed": "53300",
    "database system is": "57P03",  # starting up, shutting down, in recovery mode, not yet accepting connections
    "not yet accepting connections": "57P03",
    "authentication failed": "28P01",
    "no pg_hba.conf entry": "28000",
    "permission denied": "42501",
    'role "': "28000",
    'database "': "3D000",
}
SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
SQLITE_REPLACED = ("SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")
SQLITE_UNMIGRATED = ("no such table", "no such column")


def watch_errors(engine: sa.Engine) -> None:
    """Replace connections after the errors that outlast a statement, and remove values from all error texts."""

    @event.listens_for(engine, "handle_error")
    def _seen(context: ExceptionContext) -> None:
        error: Any = context.original_exception
        if not context.is_disconnect and _ends_connection(error):
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = code_of(error) in WHOLE_SERVER
        _remove_values(error, context.sqlalchemy_exception)


def code_of(error: BaseException | None) -> str:
    """Return PostgreSQL's SQLSTATE or SQLite's error name, the empty text where the driver knows none."""
    return str(getattr(error, "pgcode", None) or getattr(error, "sqlite_errorname", None) or "")


def cause_of(error: BaseException | None) -> str:
    """Return the code as `code_of` does, and for a refused connection the code that its text stands for.

    For logs and the doctor. The texts are English ones. In another language the cause stays empty.
    """
    if (code := code_of(error)) or error is None:
        return code
    text = str(error)
    return next((code for words, code in REFUSED_CONNECTIONS.items() if words in text), "") if "FATAL" in text else ""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the errors of a database that cannot work now into Unavailable or a subclass.

    Errors in our own statements pass unchanged.
    """
    try:
        yield
    except PoolTimeout as error:
        emit("database.pool_exhausted")
        raise Unavailable() from error
    except DBAPIError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


def is_locked(error: DBAPIError) -> bool:
    """Return True if another transaction held the row for too long."""
    return code_of(error.orig) in LOCKED


def is_read_only(error: DBAPIError) -> bool:
    """Return True if the database takes no writes."""
    code = code_of(error.orig)
    return code == READ_ONLY or code.startswith("SQLITE_READONLY")


def _refusal(error: DBAPIError) -> Unavailable | None:
    """Log the error and return its Unavailable, None for an error in our own statement."""
    code, kind = code_of(error.orig), type(error.orig).__name__
    if code in NOT_MIGRATED or (not is_postgres_code(code) and _is_unmigrated_sqlite(error)):
        emit("database.not_migrated")
        return NotMigrated()
    if is_locked(error):
        emit("database.row_locked", code=code)
        return Locked()
    if is_read_only(error):
        emit("database.read_only", code=code)
        return Unavailable()
    if code in KEPT or isinstance(error, OperationalError | InterfaceError) or _ends_connection(error.orig):
        emit("database.unavailable", error=kind, code=cause_of(error.orig))
        return Unavailable()
    if error.connection_invalidated:
        emit("database.connection_lost", error=kind)
        return Unavailable()
    return None


def is_postgres_code(code: str) -> bool:
    """Return True for an SQLSTATE of five characters."""
    return len(code) == 5


def _is_unmigrated_sqlite(error: DBAPIError) -> bool:
    return str(error.orig).startswith(SQLITE_UNMIGRATED)


def _ends_connection(error: Any) -> bool:
    """Return True if the connection must be replaced after this error."""
    code = code_of(error)
    if is_postgres_code(code):
        if code in LOCKED or code in KEPT:
            return False
        return code == READ_ONLY or code in ENDED or code.startswith(REPLACED_CLASSES)
    return code.startswith(SQLITE_REPLACED)


def _remove_values(error: Any, wrapped: sa.exc.StatementError | None) -> None:
    """Reduce PostgreSQL's text to its code, its first sentence and names.

    The rest quotes values: DETAIL shows the failing row, LINE shows the statement with its parameters. The sentences
    of class 22 (bad data) quote the value too.
    """
    code = code_of(error)
    if isinstance(error, sqlite3.Error) or not is_postgres_code(code):
        return
    found = error.diag
    sentence = None if code.startswith("22") else found.message_primary
    text = " ".join(
        part for part in (code, sentence, found.table_name, found.column_name, found.constraint_name) if part
    )
    error.args = (text,)
    if wrapped is not None:
        wrapped.args = (f"({type(error).__name__}) {text}",)
