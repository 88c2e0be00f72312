"""Errors by their code: which become Unavailable or Locked, which replace the connection, and what their text shows."""

import sqlite3
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.domain.errors import Locked, NotMigrated, Unavailable
from app.store import database_errors
from app.store import engine as engines
from app.store.database_errors import cause_of
from app.store.engine import Connection, Database, make_engine
from app.store.schema.tables import posts
from tests.support.rows import Rows, post_row

REPLACED = "25006 53000 53100 53200 53300 57000 57P01 57P02 57P03 57P04 57P05 58000 58030 08000 08006 08P01 XX000 25P03"
KEPT_AND_LOCKED = "40001 40P01 55P03"
KEPT = "57014 42501"
TEXT = "A text that no log may show"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(make_engine(database_url))
    yield made
    made.close()


@pytest.fixture
def pg(postgresql_url: str) -> Iterator[Database]:
    made = Database(make_engine(postgresql_url))
    yield made
    made.close()


@pytest.fixture
def lite(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_SECONDS", 0.05)
    made = Database(make_engine(sqlite_url))
    yield made
    made.close()


def pid(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())


def fail_with(database: Database, code: str) -> None:
    """Let the server raise an error with this SQLSTATE, inside a write transaction."""
    with database.transaction() as tx:
        tx.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'planned failure' USING ERRCODE = '{code}'; END $$")


@pytest.mark.parametrize("code", REPLACED.split())
def test_error_that_outlasts_the_statement_is_unavailable_and_replaces_the_connection(pg: Database, code: str):
    before = pid(pg)
    with pytest.raises(Unavailable) as refused:
        fail_with(pg, code)
    assert (type(refused.value), refused.value.code) == (Unavailable, "database_unavailable")
    assert "planned" not in refused.value.detail
    assert pid(pg) != before


@pytest.mark.parametrize("code", f"{KEPT_AND_LOCKED} {KEPT}".split())
def test_error_of_one_statement_is_unavailable_and_keeps_the_connection(pg: Database, code: str):
    before = pid(pg)
    with pytest.raises(Unavailable) as refused:
        fail_with(pg, code)
    assert isinstance(refused.value, Locked) == (code in KEPT_AND_LOCKED)
    assert pid(pg) == before


@pytest.mark.parametrize("code", ["42P01", "42703", "3F000"])
def test_missing_table_column_or_schema_is_not_migrated(pg: Database, code: str):
    with pytest.raises(NotMigrated):
        fail_with(pg, code)


@pytest.mark.parametrize("code", ["42601", "22P02", "23514", "P0001"])
def test_error_in_our_own_statement_is_not_translated(pg: Database, code: str):
    with pytest.raises(sa.exc.DBAPIError):
        fail_with(pg, code)


def write(database: Database) -> None:
    with database.transaction() as tx:
        tx.execute(sa.update(posts).values(content="x"))


def test_connections_kept_through_a_failover_are_all_replaced_at_the_first_refused_write(pg: Database):
    with pg.reading() as first, pg.reading() as second:
        for connection in (first, second):
            connection.exec_driver_sql("SET default_transaction_read_only = on")
    with pytest.raises(Unavailable):
        write(pg)
    for _ in range(2):
        write(pg)
    with pg.transaction() as first, pg.transaction() as second:
        for connection in (first, second):
            assert connection.execute(sa.text("SHOW transaction_read_only")).scalar() == "off"


def on_connect(database: Database, *commands: str) -> Callable[[], None]:
    """Run commands on each new connection until the returned function is called."""

    def prepare(connection: Any, _record: Any) -> None:
        for command in commands:
            connection.execute(command)

    event.listen(database.engine, "connect", prepare)
    return lambda: event.remove(database.engine, "connect", prepare)


def grow(database: Database) -> None:
    with database.transaction() as tx:
        tx.execute(sa.insert(posts).values(post_row("draft", content="x" * 500_000)))


@pytest.mark.parametrize(
    ("command", "name", "work"),
    [("PRAGMA query_only = ON", "READONLY", write), ("PRAGMA max_page_count = 1", "FULL", grow)],
)
def test_sqlite_that_takes_no_writes_is_unavailable_and_its_connection_is_replaced(
    lite: Database, command: str, name: str, work: Callable[[Database], None]
):
    release = on_connect(lite, command)
    with pytest.raises(Unavailable) as refused:
        work(lite)
    cause = refused.value.__cause__
    assert isinstance(cause, sa.exc.DBAPIError)
    assert isinstance(cause.orig, sqlite3.Error)
    assert cause.orig.sqlite_errorname == f"SQLITE_{name}"
    release()
    work(lite)


def test_busy_sqlite_is_unavailable_and_keeps_its_connection(lite: Database, sqlite_url: str):
    with lite.reading() as connection:
        kept = connection.connection.driver_connection
    other = sqlite3.connect(sa.make_url(sqlite_url).database or "")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        write(lite)
    other.close()
    write(lite)
    with lite.reading() as connection:
        assert connection.connection.driver_connection is kept


@pytest.mark.parametrize("values", [{"generation": -1}, {"content": None}])
def test_error_text_shows_no_value_of_the_row(database_url: str, values: dict[str, Any]):
    rows = Rows(database_url)
    with pytest.raises(sa.exc.DBAPIError) as refused:
        rows.insert(posts, post_row("draft", **({"content": TEXT, "user_id": TEXT[:20]} | values)))
    shown = "".join(traceback.format_exception(refused.value))
    assert TEXT[:20] not in shown
    rows.close()


def test_error_text_of_bad_data_shows_no_value(pg: Database):
    def read_bad(connection: Connection) -> None:
        connection.execute(sa.text("SELECT CAST(:value AS integer)"), {"value": TEXT})

    with pytest.raises(sa.exc.DataError) as refused, pg.reading() as connection:
        read_bad(connection)
    shown = "".join(traceback.format_exception(refused.value))
    assert TEXT not in shown
    assert "22P02" in shown


REFUSED_TEXTS = {
    "FATAL:  sorry, too many clients already": "53300",
    "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute": "53300",
    'FATAL:  too many connections for role "app"': "53300",
    "FATAL:  no more connections allowed (max_client_conn)": "53300",  # PgBouncer
    "FATAL:  the database system is starting up": "57P03",
    "FATAL:  the database system is not yet accepting connections": "57P03",
    'FATAL:  password authentication failed for user "app"': "28P01",
    'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "app", database "app"': "28000",
    'FATAL:  permission denied for database "app"': "42501",
    'FATAL:  role "app" does not exist': "28000",
    'FATAL:  database "app" does not exist': "3D000",
    "Connection refused": "",
}


@pytest.mark.parametrize(("text", "code"), REFUSED_TEXTS.items())
def test_text_of_a_refused_connection_stands_for_its_code(text: str, code: str):
    assert cause_of(psycopg2.OperationalError(f'connection to server at "db" failed: {text}\n')) == code


def test_refused_connection_is_unavailable_and_logged_with_its_code(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
):
    logged: list[tuple[str, str]] = []
    monkeypatch.setattr(database_errors, "emit", lambda event, **fields: logged.append((event, fields["code"])))
    missing = sa.make_url(postgresql_url).set(database="missing").render_as_string()
    with pytest.raises(Unavailable):
        pid(Database(make_engine(missing)))
    assert logged == [("database.unavailable", "3D000")]
