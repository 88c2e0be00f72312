"""Databases for tests: the migrations run once per kind and session, and every test gets a copy of the result."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

TEMPLATE = "template_migrated"


def upgrade(url: str) -> None:
    from app.store.migrate import upgrade  # imported here: tests without a database need no store

    upgrade(url)


class SQLiteDatabases:
    made: ClassVar[list[bytes]] = []  # kept on the class, so forked processes inherit it

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def _template(self) -> bytes:
        if not self.made:
            path = self._folder / f"{TEMPLATE}.sqlite3"
            upgrade(f"sqlite:///{path}")
            connection = sqlite3.connect(path)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # only the main file is copied
            connection.close()
            self.made.append(path.read_bytes())
        return self.made[0]

    def migrated(self, folder: Path) -> str:
        path = folder / "punctual.sqlite3"
        path.write_bytes(self._template)
        return f"sqlite:///{path}"


class PostgresDatabases:
    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url)
        self._admin = create_engine(
            self._server.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        self._numbers = itertools.count(1)

    @cached_property
    def _template(self) -> str:
        self._execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade(self._url(TEMPLATE))
        return TEMPLATE

    @contextmanager
    def migrated(self) -> Iterator[str]:
        with self._copy_of(self._template) as url:
            yield url

    @contextmanager
    def blank(self) -> Iterator[str]:
        with self._copy_of("template0") as url:
            yield url

    def close(self) -> None:
        self._admin.dispose()

    @contextmanager
    def _copy_of(self, template: str) -> Iterator[str]:
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self._url(name)
        finally:  # FORCE: connections left open by one test must not fail the next
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _url(self, database: str) -> str:
        return self._server.set(database=database).render_as_string(hide_password=False)

    def _execute(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))


@contextmanager
def record_transactions(engine: Engine) -> Iterator[list[Any]]:
    """Record the transactions that begin while the block runs, except read-only ones."""
    begun: list[Any] = []

    def note(connection: Any) -> None:
        if not connection.get_execution_options().get("reading"):
            begun.append(connection)

    with _listening(engine, "begin", note):
        yield begun


@contextmanager
def record_statements(engine: Engine, word: str) -> Iterator[list[str]]:
    """Record the statements that start with `word` while the block runs."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(word):
            seen.append(statement)

    with _listening(engine, "before_cursor_execute", note):
        yield seen


@contextmanager
def _listening(engine: Engine, name: str, note: Callable[..., None]) -> Iterator[None]:
    event.listen(engine, name, note)
    try:
        yield
    finally:
        event.remove(engine, name, note)
