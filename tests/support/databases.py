"""Databases for tests: the migrations run once per kind and session, and every test gets a copy of the result."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import psycopg2
from psycopg2.extensions import connection as PostgresConnection
from psycopg2.extensions import cursor as PostgresCursor
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.pool import NullPool

TEMPLATE = "template_migrated"
EMPTIER = "emptier"  # the name of the session that empties a database, beside those of the test
TABLES = """
SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"""
SESSIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
EMPTY = f"""
SET session_replication_role = replica;
DO $$
DECLARE name text;
BEGIN
    FOR name IN {TABLES} LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
    PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
END $$
"""
CATALOGS = (
    *("pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_proc", "pg_trigger"),
    *("pg_type", "pg_enum", "pg_sequence", "pg_namespace", "pg_statistic", "pg_db_role_setting"),
)
STAMPS = " UNION ALL ".join(f"SELECT ctid::text || xmin::text AS stamp FROM {catalog}" for catalog in CATALOGS)
STATE = f"""
SELECT sum(hashtext(stamp)), count(*), (SELECT string_agg(version_num, ' ') FROM alembic_version)
FROM ({STAMPS}) AS stamps
"""


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
    """Databases of one server. A migrated one is emptied and used again, unless a test changed more than rows."""

    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url)
        self._admin = create_engine(
            self._server.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        self._numbers = itertools.count(1)
        self._spare: list[tuple[str, PostgresConnection]] = []

    @cached_property
    def _template(self) -> str:
        self._execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade(self._url(TEMPLATE))
        return TEMPLATE

    @cached_property
    def _as_new(self) -> tuple[Any, ...]:
        """The template's state. It differs from that after a change of the schema, of a setting or of statistics."""
        with closing(self._emptier(self._template)) as connection, connection.cursor() as cursor:
            cursor.execute(TABLES)
            for (table,) in cursor.fetchall():
                cursor.execute(f"SELECT count(*) FROM {table}")
                assert cursor.fetchone() == (0,), f"a migration fills {table}, and tests find it empty"
            return read_state(cursor)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        name, emptier = self._spare.pop() if self._spare else self._new()
        try:
            yield self._url(name)
        finally:
            if self._emptied(emptier):
                self._spare.append((name, emptier))
            else:
                emptier.close()
                self._drop(name)

    def _new(self) -> tuple[str, PostgresConnection]:
        name = self._create(self._template)
        return name, self._emptier(name)

    def _emptier(self, name: str) -> PostgresConnection:
        """Open a session that stays: a new one costs more than all it does."""
        connection = psycopg2.connect(
            host=self._server.query["host"], user=self._server.username, dbname=name, application_name=EMPTIER
        )
        connection.autocommit = True
        return connection

    def _emptied(self, emptier: PostgresConnection) -> bool:
        """Delete rows and restart sequences. Return False if more has changed, or if a session of the test is left.

        A thread of it could write into the next test's rows.
        """
        try:
            with emptier.cursor() as cursor:
                cursor.execute(SESSIONS)
                if cursor.fetchall() != [(0,)]:
                    return False
                cursor.execute(EMPTY)
                return read_state(cursor) == self._as_new
        except psycopg2.Error:  # a test can leave it read-only, without a table, or without this session
            return False

    @contextmanager
    def blank(self) -> Iterator[str]:
        with self._copy_of("template0") as url:
            yield url

    def close(self) -> None:
        for _, emptier in self._spare:
            emptier.close()
        self._admin.dispose()

    @contextmanager
    def _copy_of(self, template: str) -> Iterator[str]:
        name = self._create(template)
        try:
            yield self._url(name)
        finally:
            self._drop(name)

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def _drop(self, name: str) -> None:
        """Drop it by FORCE: connections left open by one test must not fail the next."""
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _url(self, database: str) -> str:
        return self._server.set(database=database).render_as_string(hide_password=False)

    def _execute(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))


def read_state(cursor: PostgresCursor) -> tuple[Any, ...]:
    """Return what a test must leave as it was: the catalogs, as a sum over their rows, and the migration's number."""
    cursor.execute(STATE)
    [found] = cursor.fetchall()
    return tuple(found)


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
