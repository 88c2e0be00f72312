"""Compiled statements, kept from test to test.

SQLAlchemy compiles a statement once per engine, and each test has an engine of its own. That was a third of the time of
a test with a database. Here engines of one kind of database share what is compiled, as the requests of one process do.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_compiled: dict[Any, Any] = {}


class _OneOfItsKind:
    """A dialect that equals the others of its class: it is a part of the key under which a statement is kept."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


class SharedSQLite(_OneOfItsKind, SQLiteDialect_pysqlite):
    supports_statement_cache = True


class SharedPostgreSQL(_OneOfItsKind, PGDialect_psycopg2):
    supports_statement_cache = True


def share_compiled_sql() -> None:
    for name in ("sqlite", "sqlite.pysqlite"):
        registry.register(name, __name__, SharedSQLite.__name__)
    registry.register("postgresql.psycopg2", __name__, SharedPostgreSQL.__name__)

    @event.listens_for(Engine, "engine_connect")
    def _share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=_compiled)
