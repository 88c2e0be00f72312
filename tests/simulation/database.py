"""The real store on an in-memory SQLite, with injected failures and a callback after each commit.

Invariant: all actors share one connection, so time passes before and after a block. Inside a block it passes only while
a claim is held, and then every other block waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.pool import StaticPool

from app.domain.errors import Unavailable
from app.store.engine import Database
from app.store.schema.tables import metadata


class FaultPoints(Protocol):
    """Lets time pass around an effect and injects faults there."""

    def step(self, effect: str) -> None: ...

    def inject(self, kind: str) -> bool: ...

    def transaction_begins(self) -> None: ...


def memory_engine() -> sa.Engine:
    """Create an engine with the app's SQLite settings and tables."""
    engine = sa.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    metadata.create_all(engine)
    return engine


def raw_connection(engine: sa.Engine) -> Any:
    """Return the driver's connection: rules read thousands of rows, and untyped reads are faster."""
    with engine.connect() as connection:
        return connection.connection.driver_connection


def empty(raw: Any) -> None:
    for table in reversed(metadata.sorted_tables):
        raw.execute(f"DELETE FROM {table.name}")


class SimulatedDatabase(Database):
    """The app's Database with faults and delays around its blocks."""

    def __init__(
        self,
        engine: sa.Engine,
        steps: FaultPoints,
        committed: Callable[[], None],
        alone: AbstractContextManager[object],
    ) -> None:
        super().__init__(engine)
        self._steps = steps
        self._committed = committed
        self._alone = alone

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self._steps.transaction_begins()
        self._steps.step("begin")
        if self._steps.inject("database_refuses"):
            raise Unavailable()
        with self._alone:
            with super().transaction() as tx:
                yield tx
                if self._steps.inject("commit_fails"):
                    raise Unavailable()
            self._committed()
        self._steps.step("committed")
        if self._steps.inject("commit_unheard"):
            raise Unavailable()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        self._steps.step("read")
        if self._steps.inject("read_fails"):
            raise Unavailable()
        with self._alone, super().reading() as connection:
            yield connection
        self._steps.step("has read")
