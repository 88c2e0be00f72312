"""The tests' own fixtures: databases, settings, and their errors."""

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import CacheStats

from app.settings.values import Settings
from app.store.engine import normalise_url
from tests.conftest import DATABASES, chosen_databases, databases_of
from tests.support.databases import EMPTIER, PostgresDatabases
from tests.support.environment import clear_settings
from tests.support.postgres import postgres_server
from tests.support.threads import wait_until

ROOT = Path(__file__).parent.parent
HOLD_A_SERVER = """
import time
from tests.support.postgres import postgres_server
with postgres_server() as url:
    print(url, flush=True)
    time.sleep(600)
"""
ROW = "INSERT INTO tallies VALUES ('x', 1, now(), 0)"
CHANGES = (
    "ALTER TABLE posts ADD COLUMN mine integer",
    "UPDATE alembic_version SET version_num = '9999'",
    "ANALYZE alembic_version",
    "ALTER DATABASE {name} SET default_transaction_read_only = on",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" + EMPTIER + "'",
)


@pytest.mark.parametrize("again", [1, 2])
def test_every_test_gets_an_empty_migrated_database(database_url: str, again: int):
    engine = sa.create_engine(normalise_url(database_url), poolclass=sa.NullPool)
    with engine.begin() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM posts")) == 0
        connection.execute(sa.text("CREATE TABLE mine (id INTEGER)"))


@pytest.fixture
def new_server() -> Iterator[str]:
    """A server without other tests: none of its databases has rows enough for statistics that it takes by itself."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def new_databases(new_server: str) -> Iterator[PostgresDatabases]:
    databases = PostgresDatabases(new_server)
    yield databases
    databases.close()


def wait_for_the_end_of_sessions(server: str, database: str) -> None:
    """Wait until the server has ended those that the test has closed."""
    engine = sa.create_engine(normalise_url(server), poolclass=sa.NullPool)
    sessions = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND application_name <> :emptier")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wait_until(lambda: not connection.scalar(sessions, {"name": database, "emptier": EMPTIER}))


def test_a_database_is_used_again_after_changes_of_rows_and_of_nothing_else(
    new_server: str, new_databases: PostgresDatabases
):
    def used(*statements: str) -> str:
        with new_databases.migrated() as url:
            engine = sa.create_engine(normalise_url(url), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                assert connection.scalar(sa.text("SELECT count(*) FROM tallies")) == 0
                assert connection.scalar(sa.text("SELECT nextval('sweep_runs_id_seq')")) == 1
                name = str(connection.scalar(sa.text("SELECT current_database()")))
                for statement in statements:
                    connection.execute(sa.text(statement.format(name=name)))
            wait_for_the_end_of_sessions(new_server, name)
            return name

    first = used(ROW)
    assert used() == first
    names = [first]
    for change in CHANGES:
        names.append(used())
        assert used(ROW, change) == names[-1]
    assert len(set(names)) == len(CHANGES)  # the first change ends the first database, and so on


def test_a_database_with_a_session_left_is_not_used_again(new_databases: PostgresDatabases):
    with new_databases.migrated() as url:
        left = sa.create_engine(normalise_url(url)).connect()
    with new_databases.migrated() as other:
        assert other != url
    left.invalidate()


def test_engines_of_one_kind_share_what_is_compiled(tmp_path: Path):
    statement = sa.select(sa.literal(1))
    hits = []
    for name in ("first", "second"):
        engine = sa.create_engine(normalise_url(f"sqlite:///{tmp_path / name}"))
        with engine.connect() as connection:
            hits.append(connection.execute(statement).context.cache_hit)
        engine.dispose()
    assert hits[1] == CacheStats.CACHE_HIT
    kinds = [sa.create_engine(normalise_url(url)).dialect for url in ("sqlite://", "postgresql://host/a")]
    assert kinds[0] != kinds[1]


@pytest.mark.xdist_group("one-worker")
def test_group_of_tests_is_kept_on_one_worker(request: pytest.FixtureRequest):
    """Without the group in the test's id, each worker would start its own stacks and browsers."""
    assert request.node.nodeid.endswith("@one-worker") is ("PYTEST_XDIST_WORKER" in os.environ)


def test_ci_refuses_to_skip_a_database():
    assert chosen_databases({}) == ["sqlite", "postgresql"]
    assert chosen_databases({"TEST_DATABASES": "sqlite"}) == ["sqlite"]
    with pytest.raises(pytest.UsageError, match="CI"):
        chosen_databases({"TEST_DATABASES": "sqlite", "CI": "true"})
    with pytest.raises(pytest.UsageError, match="mysql"):
        chosen_databases({"TEST_DATABASES": "mysql"})


def test_settings_of_the_shell_are_cleared():
    shell = {field.name.upper(): "production's" for field in dataclasses.fields(Settings) if field.name != "local"}
    shell |= {"PUNCTUAL_LOCAL": "1", "VERCEL_ENV": "production", "PATH": "/bin"}
    clear_settings(shell)
    assert shell == {"PATH": "/bin"}


def test_postgresql_that_cannot_start_raises_with_the_reason():
    with pytest.raises(RuntimeError, match="no_such_setting"), postgres_server({"no_such_setting": "1"}):
        pass


def test_killed_session_leaves_no_postgresql_behind():
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLD_A_SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT) as session:
        assert session.stdout is not None
        home = Path(unquote(session.stdout.readline().partition("host=")[2].strip()))
        assert home.is_dir()
        session.send_signal(signal.SIGKILL)
    wait_until(lambda: not home.exists())


def test_tests_of_http_run_on_one_database_and_both_take_part():
    both = list(DATABASES)
    of_web = [databases_of(f"tests/web/test_x.py::test_{number}", both, {}) for number in range(50)]
    assert {len(each) for each in of_web} == {1}
    assert {name for each in of_web for name in each} == set(both)
    assert databases_of("tests/web/test_x.py::test_1", both, {"TEST_EVERY_DATABASE": "1"}) == both
    assert databases_of("tests/store/test_x.py::test_1", both, {}) == both
