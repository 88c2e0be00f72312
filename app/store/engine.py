"""The database connection for SQLite and PostgreSQL: write transactions and single reads.

Invariant: an unreachable database raises `Unavailable`, never a driver error, and leaves nothing half-written.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.domain.errors import Unavailable
from app.log import emit

__all__ = ["Connection", "Database", "insert_into", "make_engine", "normalise_url", "upsert"]

BUSY_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 5
POOL_SIZE = 20
POOL_OVERFLOW = 20
POOL_TIMEOUT_SECONDS = 10.0
PING_AFTER_SECONDS = 5.0  # idle time before a ping, below it a look at the socket is enough
UUID_OID = 2950
UNDEFINED_TABLE = "42P01"  # PostgreSQL's code, SQLite raises an OperationalError for the same


def normalise_url(url: str) -> URL:
    """Return the URL with psycopg2 as the PostgreSQL driver.

    SQLAlchemy's own choice of driver for `postgresql://` depends on its version. `postgres://` is accepted too.
    """
    parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg2")
    return parsed


def make_engine(url: str) -> sa.Engine:
    """Create an engine that connects on first use.

    The folder of a SQLite file is created if it is missing.
    """
    parsed = normalise_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed)
    arguments = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        "application_name": "punctual",
    }
    engine = sa.create_engine(
        parsed,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_recycle=1800,
        executemany_mode="values_plus_batch",  # many UPDATEs are one round trip
        connect_args={key: value for key, value in arguments.items() if key not in parsed.query},
    )
    _replace_dead_connections(engine)
    _read_without_transactions(engine)
    _keep_ids_as_text(engine)
    return engine


def _read_without_transactions(engine: sa.Engine) -> None:
    """Set the driver's autocommit switch at each begin, on for reads only.

    SQLAlchemy's isolation level AUTOCOMMIT would cost a round trip each time it is reset.
    """

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        reading = bool(connection.get_execution_options().get("reading"))
        if driver.autocommit is not reading:
            driver.autocommit = reading


def _keep_ids_as_text(engine: sa.Engine) -> None:
    """Return UUID columns as the text that PostgreSQL sends.

    By default the driver builds UUID objects, and the app turns them back into text. Both conversions together are
    half the cost of reading a row.
    """
    from psycopg2 import extensions  # imported here because installations on SQLite do not have it

    as_sent = extensions.new_type((UUID_OID,), "UUID", lambda value, _cursor: value)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        extensions.register_type(as_sent, connection)


def _replace_dead_connections(engine: sa.Engine) -> None:
    """Replace dead connections at checkout.

    So a restarted database costs a reconnect and no failed delivery. A connection closed by the server is visible on
    its socket, without a round trip. A server gone without closing is found by a ping, sent after PING_AFTER_SECONDS
    of idle time.
    """

    @event.listens_for(engine, "checkin")
    def _checked_in(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.time()  # wall clock: a monotonic clock stops while the machine is frozen

    @event.listens_for(engine, "checkout")
    def _checked_out(connection: Any, record: Any, _fairy: Any) -> None:
        since = record.info.get("idle_since")
        if since is None or (0 <= time.time() - since < PING_AFTER_SECONDS and not _is_suspect(connection)):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError() from error


def _is_suspect(connection: Any) -> bool:
    """Return True if the connection is closed or its server sent unsolicited data."""
    if connection.closed:
        return True
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))


def _sqlite_engine(url: URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        with suppress(OSError):  # the first connection reports the failure more clearly
            Path(url.database).resolve().parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # only our own BEGIN starts a transaction, not the driver
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Writers lock at BEGIN: a read lock upgraded later can fail at once, in spite of the busy timeout.
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


def insert_into(connection: Connection, table: sa.Table) -> Any:
    """Return the dialect's own INSERT, with support for ON CONFLICT.

    Only the dialect in use is imported, because each is a slow import.
    """
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def upsert(tx: Connection, table: sa.Table, key: dict[str, Any], first: dict[str, Any], again: dict[str, Any]) -> None:
    """Insert `key` with `first`, or set `again` where the key exists.

    One statement, so two callers cannot collide.
    """
    statement = insert_into(tx, table).values({**key, **first})
    tx.execute(statement.on_conflict_do_update(index_elements=list(key), set_=again))


class Database:
    """A source of connections: `transaction` commits or rolls back, `reading` is for selects alone."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._reader = engine.execution_options(reading=True)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open one transaction, committed at the end or rolled back on an error.

        Raises: Unavailable when the database is unreachable. A failed commit leaves the outcome uncertain.
        """
        with _translate_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection for reads, each seeing the commits before it.

        Raises: Unavailable when the database is unreachable.
        """
        with _translate_errors(), self._reader.connect() as connection:
            yield connection

    def autocommit(self) -> AbstractContextManager[Connection]:
        """Open a connection for reads followed by a single write.

        PostgreSQL commits the write by itself, without the round trips of BEGIN and COMMIT. SQLite locks before the
        reads, as in any write transaction.
        """
        return self.reading() if self.engine.dialect.name == "postgresql" else self.transaction()

    def check(self) -> None:
        """Check that the database answers and has our tables.

        Raises: Unavailable when it does not.
        """
        with self.reading() as connection:
            connection.execute(sa.text("SELECT 1 FROM posts WHERE 1 = 0"))

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn the errors of a missing, locked or restarting database into Unavailable.

    Errors in our own statements pass unchanged.
    """
    try:
        yield
    except PoolTimeout as error:
        emit("database.pool_exhausted")
        raise Unavailable() from error
    except (OperationalError, InterfaceError) as error:
        emit("database.unavailable", error=type(error.orig).__name__)
        raise Unavailable() from error
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) != UNDEFINED_TABLE:
            raise
        emit("database.not_migrated")
        raise Unavailable() from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        emit("database.connection_lost", error=type(error.orig).__name__)
        raise Unavailable() from error
