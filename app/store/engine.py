"""The connection to the database, SQLite or PostgreSQL alike: transactions that write, and single reads.

Promise: a database that is down is `Unavailable`, never a stack trace, and nothing is half-written.
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

__all__ = ["Connection", "Database", "insert_into", "make_engine", "normalise_url"]

BUSY_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 5
POOL_SIZE = 20
POOL_OVERFLOW = 20
POOL_TIMEOUT_SECONDS = 10.0
PING_AFTER_SECONDS = 5.0  # of rest; what was used a moment ago is asked by a look at its socket alone
UUID_OID = 2950
UNDEFINED_TABLE = "42P01"  # PostgreSQL's code; SQLite says the same as an OperationalError


def normalise_url(url: str) -> URL:
    """`postgres://` and `postgresql://` mean psycopg2 here, whichever driver SQLAlchemy would choose by itself."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg2")
    return parsed


def make_engine(url: str) -> sa.Engine:
    """An engine that connects on first use. A SQLite file's folder is made if missing."""
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
    _replace_the_dead(engine)
    _read_without_transactions(engine)
    _leave_ids_as_text(engine)
    return engine


def _read_without_transactions(engine: sa.Engine) -> None:
    """By the driver's own switch, set anew for whatever begins: SQLAlchemy's isolation level AUTOCOMMIT costs a round
    trip when it is taken back."""

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        reading = bool(connection.get_execution_options().get("reading"))
        if driver.autocommit is not reading:
            driver.autocommit = reading


def _leave_ids_as_text(engine: sa.Engine) -> None:
    """Our ids are text, as the database sends them. The driver would make objects of them, to be made text again: half
    the cost of reading a row."""
    from psycopg2 import extensions  # only here: installations on SQLite do without it

    as_sent = extensions.new_type((UUID_OID,), "UUID", lambda value, _cursor: value)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        extensions.register_type(as_sent, connection)


def _replace_the_dead(engine: sa.Engine) -> None:
    """A restarted database costs a reconnect, not a failed delivery. A server that ends a connection says so on its
    socket, which costs no round trip to see; one that vanished without a word is found by asking after a rest."""

    @event.listens_for(engine, "checkin")
    def _rests(_connection: Any, record: Any) -> None:
        record.info["resting_since"] = time.time()  # the wall clock, since others stand still while a machine is frozen

    @event.listens_for(engine, "checkout")
    def _wakes(connection: Any, record: Any, _fairy: Any) -> None:
        since = record.info.get("resting_since")
        if since is None or (0 <= time.time() - since < PING_AFTER_SECONDS and not _has_word(connection)):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError() from error


def _has_word(connection: Any) -> bool:
    """The server has said something that nobody asked for: mostly good-bye."""
    if connection.closed:
        return True
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))


def _sqlite_engine(url: URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        with suppress(OSError):  # said in clear words when the first connection fails
            Path(url.database).resolve().parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A write lock taken late can fail at once whatever the busy timeout, so writers take it first.
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


def insert_into(connection: Connection, table: sa.Table) -> Any:
    """The dialect's own INSERT, the one that knows ON CONFLICT; each dialect is a slow import that the other's
    installations do without."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


class Database:
    """Hands out connections. `transaction` commits or rolls back; `reading` is for selects alone."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._reader = engine.execution_options(reading=True)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction. Raises Unavailable when the database is not there; then nothing is known to be written."""
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Statements that only read, each seeing what is committed by then."""
        with _translated(), self._reader.connect() as connection:
            yield connection

    def autocommit(self) -> AbstractContextManager[Connection]:
        """For reads and then one statement that writes: PostgreSQL commits that by itself, which spares the round trips
        of BEGIN and COMMIT. SQLite takes its lock before the reads, as it does for all that write."""
        return self.reading() if self.engine.dialect.name == "postgresql" else self.transaction()

    def check(self) -> None:
        """Raises Unavailable unless the database answers and has our tables."""
        with self.reading() as connection:
            connection.execute(sa.text("SELECT 1 FROM posts WHERE 1 = 0"))

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what a missing, locked or restarting database raises into Unavailable; let mistakes of ours through."""
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
