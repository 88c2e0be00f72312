"""The real store on a SQLite in memory: commits that fail, answers that are lost, and a look at every row written.

One connection serves everybody, so time never passes inside a block; before and after it, it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.pool import StaticPool

from app.domain.errors import Unavailable
from app.store.engine import Database
from app.store.schema.tables import metadata


class Steps(Protocol):
    """What lets time pass around an effect, and what strikes there."""

    def step(self, effect: str) -> None: ...

    def strikes(self, kind: str) -> bool: ...


def memory_engine() -> sa.Engine:
    """An engine with the app's own rules for SQLite and with its tables."""
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
    """The driver's connection: the rules read thousands of rows, and need no types for it."""
    with engine.connect() as connection:
        return connection.connection.driver_connection


def empty(raw: Any) -> None:
    for table in reversed(metadata.sorted_tables):
        raw.execute(f"DELETE FROM {table.name}")


class SimulatedDatabase(Database):
    """The app's Database, between whose blocks anything may happen."""

    def __init__(self, engine: sa.Engine, steps: Steps, committed: Callable[[], None]) -> None:
        super().__init__(engine)
        self._steps = steps
        self._committed = committed

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self._steps.step("begin")
        if self._steps.strikes("database_refuses"):
            raise Unavailable()
        with super().transaction() as tx:
            yield tx
            if self._steps.strikes("commit_fails"):
                raise Unavailable()
        self._committed()
        self._steps.step("committed")
        if self._steps.strikes("commit_unheard"):
            raise Unavailable()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        self._steps.step("read")
        if self._steps.strikes("read_fails"):
            raise Unavailable()
        with super().reading() as connection:
            yield connection
        self._steps.step("has read")
