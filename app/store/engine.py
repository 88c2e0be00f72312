"""The database connection for SQLite and PostgreSQL: write transactions and single reads.

Invariant: an unreachable database raises `Unavailable`, never a driver error, and leaves nothing half-written.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url

from app.domain.text_search import contains
from app.store import sqlite_file
from app.store.database_errors import translated_errors, watch_errors
from app.store.sessions import TimeLimits, prepare_sessions, read_without_transactions, replace_dead_connections
from app.store.written_events import WRITTEN

__all__ = ["Connection", "Database", "Engine", "TimeLimits", "insert_into", "make_engine", "normalise_url", "upsert"]

BUSY_TIMEOUT_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 5
POOL_SIZE = 20
POOL_OVERFLOW = 20
POOL_TIMEOUT_SECONDS = 10.0
SQLITE_CONNECTIONS = 15  # of SQLAlchemy's own pool: 5, and 10 more
MAX_CONNECTIONS = "max_connections"  # the engine's option with the bound of its pool


def normalise_url(url: str) -> URL:
    """Return the URL with psycopg2 as the PostgreSQL driver.

    SQLAlchemy's own choice of driver for `postgresql://` depends on its version. `postgres://` is accepted too.
    """
    parsed = make_url(url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg2")
    return parsed


def make_engine(
    url: str, limits: TimeLimits | None = None, *, pool_size: int = POOL_SIZE, pool_overflow: int = POOL_OVERFLOW
) -> sa.Engine:
    """Create an engine that connects on first use.

    `limits` are PostgreSQL's. Without them a statement and a wait for a lock may last for ever, as a migration needs.
    The pool bounds concern PostgreSQL alone. A SQLite file is for its owner alone. Missing folders are created.
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
        pool_size=pool_size,
        max_overflow=pool_overflow,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_recycle=1800,
        executemany_mode="values_plus_batch",  # many UPDATEs are one round trip
        use_native_hstore=False,  # the driver would ask each new connection for a type that we do not use
        hide_parameters=True,  # texts and tokens
        connect_args={key: value for key, value in arguments.items() if key not in parsed.query},
        execution_options={MAX_CONNECTIONS: pool_size + pool_overflow},
    )
    prepare_sessions(engine, limits)
    replace_dead_connections(engine)
    read_without_transactions(engine)
    watch_errors(engine)
    return engine


def _sqlite_engine(url: URL) -> sa.Engine:
    driver = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    engine = sa.create_engine(
        url, connect_args=driver, hide_parameters=True, execution_options={MAX_CONNECTIONS: SQLITE_CONNECTIONS}
    )
    watch_errors(engine)

    @event.listens_for(engine, "do_connect")
    def _create(*_arguments: Any) -> None:
        path = sqlite_file.path_of(url)
        if path is not None:
            sqlite_file.make_private(path)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # only our own BEGIN starts a transaction, not the driver
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.create_function("text_matches", 2, contains, deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Writers lock at BEGIN: a read lock upgraded later can fail at once, in spite of the busy timeout.
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


def insert_into(connection: Connection, table: sa.Table) -> Any:
    """Return the dialect's own INSERT, with support for ON CONFLICT."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: sa.Table) -> Any:
    """Return the INSERT of this dialect. Only the dialect in use is imported, because each is a slow import."""
    if dialect == "postgresql":
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
        self.has_new_events = threading.Event()  # set after the commit of events, see `app.events.publish`

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open one transaction, committed at the end or rolled back on an error.

        Raises: Unavailable when the database is unreachable. A failed commit leaves the outcome uncertain.
        """
        with translated_errors(), self.engine.begin() as connection:
            info = connection.info
            info.pop(WRITTEN, None)  # of a transaction that was rolled back
            yield connection
        self._note_events(info)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection for reads, each seeing the commits before it.

        Raises: Unavailable when the database is unreachable.
        """
        with translated_errors(), self._reader.connect() as connection:
            info = connection.info
            info.pop(WRITTEN, None)  # of a transaction that was rolled back
            yield connection
        self._note_events(info)

    def _note_events(self, info: dict[Any, Any]) -> None:
        """Note the committed events of a connection, so that they are published soon."""
        if info.pop(WRITTEN, False):
            self.has_new_events.set()

    @property
    def is_postgresql(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    def autocommit(self) -> AbstractContextManager[Connection]:
        """Open a connection for reads followed by a single write.

        PostgreSQL commits the write by itself, without the round trips of BEGIN and COMMIT. SQLite locks before the
        reads, as in any write transaction.
        """
        return self.reading() if self.is_postgresql else self.transaction()

    def close(self) -> None:
        self.engine.dispose()
