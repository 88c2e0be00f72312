"""Instants, URLs, connections and an unreachable database."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.store.engine import Database, make_engine, normalise_url
from app.store.health import newest_migration, read_state
from app.store.schema.tables import posts
from app.store.sessions import PING_AFTER_SECONDS
from tests.support.databases import EMPTIER
from tests.support.rows import DUE, Rows

SOME_ID = "00000000-0000-4000-8000-00000000000a"
APIA = timezone(timedelta(hours=13))
THE_TESTS_OWN = f"datname = current_database() AND application_name <> '{EMPTIER}'"


def test_naive_instant_is_refused(rows: Rows):
    with pytest.raises(sa.exc.StatementError, match="naive"):
        rows.post("scheduled", next_attempt_at=datetime(2030, 1, 7, 12))


@pytest.mark.parametrize("zone", [UTC, APIA, timezone(timedelta(hours=-9, minutes=-30))], ids=str)
def test_instant_is_read_back_in_utc_to_the_microsecond(rows: Rows, zone: timezone):
    instant = datetime(2030, 3, 1, 0, 30, 15, 123456, tzinfo=zone)
    back = rows.post("scheduled", next_attempt_at=instant).next_attempt_at
    assert back == instant
    assert back is not None
    assert back.tzinfo is UTC


def test_instants_in_different_zones_compare_as_instants(rows: Rows):
    rows.post("scheduled")
    here = DUE.astimezone(APIA)
    with rows.db.reading() as connection:
        statement = sa.select(sa.func.count()).select_from(posts)
        assert connection.execute(statement.where(posts.c.next_attempt_at <= here)).scalar() == 1
        assert connection.execute(statement.where(posts.c.next_attempt_at < here)).scalar() == 0


def test_absent_instant_is_read_back_as_none(rows: Rows):
    assert rows.post("draft").scheduled_at is None


@pytest.mark.parametrize("scheme", ["postgres://", "postgresql://", "postgresql+psycopg2://"])
def test_postgres_url_uses_psycopg2(scheme: str):
    url = normalise_url(f"{scheme}ann:postgres%3A%2F%2F@db.test:5433/punctual?sslmode=require")
    assert url.drivername == "postgresql+psycopg2"
    assert (url.username, url.password, url.host, url.port) == ("ann", "postgres://", "db.test", 5433)
    assert (url.database, url.query["sslmode"]) == ("punctual", "require")
    assert make_engine(url.render_as_string(hide_password=False)).dialect.driver == "psycopg2"


def test_uuid_is_read_as_text(postgresql_url: str):
    database = Database(make_engine(postgresql_url))
    with database.reading() as connection:
        found = connection.exec_driver_sql(f"SELECT '{SOME_ID}'::uuid").scalar()
    assert found == SOME_ID
    database.close()


def test_sqlite_url_is_unchanged():
    assert normalise_url("sqlite:////var/x.sqlite3").render_as_string() == "sqlite:////var/x.sqlite3"


def test_folder_of_a_sqlite_file_is_created(tmp_path: Path):
    database = Database(make_engine(f"sqlite:///{tmp_path}/a/b/punctual.sqlite3"))
    with database.reading() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA foreign_keys")).scalar() == 1
    database.close()


def test_connection_options_in_the_url_override_ours(monkeypatch: pytest.MonkeyPatch):
    url = "postgresql://db.test/punctual?connect_timeout=2"
    seen = {}

    @sa.event.listens_for(engine := make_engine(url), "do_connect")
    def look(_dialect, _record, _arguments, keywords) -> None:
        seen.update(keywords)
        raise sa.exc.OperationalError("connect", {}, ConnectionError("planned failure"))

    with pytest.raises(Unavailable), Database(engine).reading():
        pass
    assert (seen["connect_timeout"], seen["keepalives_idle"]) == ("2", 30)


def test_unreachable_database_raises_unavailable_without_leaking_its_address(tmp_path: Path):
    database = Database(make_engine(f"postgresql://ann:secret@/punctual?host={tmp_path}"))
    with pytest.raises(Unavailable) as refused:
        read_state(database)
    assert "secret" not in refused.value.detail
    assert str(tmp_path) not in refused.value.detail


def test_state_of_a_database_without_tables_is_not_migrated(blank_database_url: str):
    database = Database(make_engine(blank_database_url))
    assert read_state(database).state == "not_migrated"
    database.close()


def test_state_of_a_migrated_database_is_ok(rows: Rows):
    state = read_state(rows.db)
    assert (state.state, state.version) == ("ok", newest_migration())


def test_failed_transaction_writes_nothing(rows: Rows):
    assert_undone(rows)


def assert_undone(rows: Rows) -> None:
    """Assert that a failed transaction leaves no changes."""
    post = rows.post("draft")

    def broken() -> None:
        with rows.db.transaction() as tx:
            tx.execute(sa.update(posts).values(content="half-written"))
            raise InterruptedError("planned failure")

    with pytest.raises(InterruptedError):
        broken()
    assert rows.read(post).content == "Hello"


def test_integrity_error_is_not_translated_to_unavailable(rows: Rows):
    with pytest.raises(sa.exc.IntegrityError):
        rows.post("draft", generation=-1)


def test_connection_ended_by_the_server_is_replaced_without_error(postgresql_url: str):
    first, second = Rows(postgresql_url), Database(make_engine(postgresql_url))
    others = f"FROM pg_stat_activity WHERE {THE_TESTS_OWN} AND pid <> pg_backend_pid()"
    with second.reading() as connection:
        assert connection.execute(sa.text(f"SELECT pg_terminate_backend(pid, 60000) {others}")).all()
    assert first.post("draft").status == "draft"
    first.close()
    second.close()


def test_recently_used_connection_is_not_pinged(postgresql_url: str, monkeypatch: pytest.MonkeyPatch):
    pings = _pings(database := Database(make_engine(postgresql_url)), monkeypatch)
    for _ in range(3):
        read_state(database)
    assert pings == []
    database.close()


@pytest.mark.parametrize("passed", [PING_AFTER_SECONDS + 1, -3600.0], ids=["idle", "clock set back"])
def test_idle_connection_is_pinged_once(postgresql_url: str, passed: float, monkeypatch: pytest.MonkeyPatch):
    pings = _pings(database := Database(make_engine(postgresql_url)), monkeypatch)
    read_state(database)
    later = time.time() + passed
    monkeypatch.setattr("app.store.sessions.time", SimpleNamespace(time=lambda: later))
    read_state(database)
    assert len(pings) == 1
    read_state(database)
    assert len(pings) == 1
    database.close()


def test_connection_closed_by_us_is_replaced_without_error(postgresql_url: str):
    database = Database(make_engine(postgresql_url))
    with database.reading() as connection:
        seen = connection.connection.dbapi_connection
    assert seen is not None
    seen.close()
    read_state(database)
    database.close()


def test_all_connections_ended_by_a_restart_are_replaced(postgresql_url: str):
    database, other = Database(make_engine(postgresql_url)), Database(make_engine(postgresql_url))
    with ExitStack() as many:
        for _ in range(3):
            many.enter_context(database.reading())
    others = f"FROM pg_stat_activity WHERE {THE_TESTS_OWN} AND pid <> pg_backend_pid()"
    with other.reading() as connection:
        assert len(connection.execute(sa.text(f"SELECT pg_terminate_backend(pid, 60000) {others}")).all()) == 3
    with ExitStack() as many:
        for _ in range(3):
            many.enter_context(database.reading()).execute(sa.text("SELECT 1"))
    database.close()
    other.close()


def test_read_is_one_round_trip(postgresql_url: str):
    database, other = Database(make_engine(postgresql_url)), Database(make_engine(postgresql_url))
    for _ in range(2):
        read_state(database)
        with database.reading() as connection:
            connection.execute(sa.text("SELECT 'the last word'"))
    last = sa.text("SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%last%'")
    with other.reading() as connection:
        assert connection.execute(last).scalars().all() == ["SELECT 'the last word'"]
    database.close()
    other.close()


def test_connection_used_for_reads_is_transactional_again_for_writes(postgresql_url: str):
    rows = Rows(postgresql_url)
    read_state(rows.db)
    assert_undone(rows)
    assert rows.db.engine.pool.status().startswith("Pool size: 20  Connections in pool: 1 ")  # the same connection
    rows.close()


def _pings(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record each pinged connection in the returned list."""
    asked: list[Any] = []
    ask = database.engine.dialect.do_ping

    def note(connection: Any) -> bool:
        asked.append(connection)
        return ask(connection)

    monkeypatch.setattr(database.engine.dialect, "do_ping", note)
    return asked


def test_connection_ended_in_a_transaction_raises_unavailable(postgresql_url: str):
    rows, other = Rows(postgresql_url), Database(make_engine(postgresql_url))

    def cut_in_the_middle() -> None:
        with rows.db.transaction() as tx:
            pid = tx.execute(sa.text("SELECT pg_backend_pid()")).scalar()
            with other.reading() as connection:
                ended = connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 60000)"), {"pid": pid}).scalar()
            assert ended  # the backend is gone, not only signalled
            tx.execute(sa.text("SELECT 1"))

    with pytest.raises(Unavailable):
        cut_in_the_middle()
    rows.close()
    other.close()
