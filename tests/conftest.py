"""Fixtures for all tests.

- `database_url`: an empty, migrated database of its own, once on SQLite and once on PostgreSQL. In tests/web each
  test runs on one of them, to bound the time of the suite. `TEST_EVERY_DATABASE=1` runs it on both.
- `blank_database_url`: the same two, not migrated.
- `sqlite_url`, `postgresql_url`: one kind only, for rules of one database.

A PostgreSQL that cannot start is an error, never a skip. `TEST_DATABASES=sqlite` leaves PostgreSQL out during local
work. CI refuses that setting.
"""

import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.compiled_rules import share_compiled_rules
from tests.support.compiled_sql import share_compiled_sql
from tests.support.databases import PostgresDatabases, SQLiteDatabases
from tests.support.environment import clear_settings
from tests.support.postgres import fastest_place, postgres_server

DATABASES = ("sqlite", "postgresql")
ON_ONE = "tests/web/"


def pytest_configure(config: pytest.Config) -> None:
    """Clear the shell's settings from the environment: a DATABASE_URL there may be production's."""
    clear_settings(os.environ)
    share_compiled_sql()
    share_compiled_rules()
    chosen_databases(os.environ)  # report a wrong choice once, before any test runs


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture in ("database_url", "blank_database_url"):
        if fixture in metafunc.fixturenames:
            databases = databases_of(metafunc.definition.nodeid, chosen_databases(os.environ), os.environ)
            metafunc.parametrize(fixture, databases, indirect=True)


def databases_of(test: str, chosen: list[str], environ: Mapping[str, str]) -> list[str]:
    """Return the databases of a test: one of the chosen in tests/web, by the test's name, and all elsewhere.

    HTTP is the same on both, and the layers below are tested on both. TEST_EVERY_DATABASE=1 takes all in tests/web too.
    """
    if test.startswith(ON_ONE) and not environ.get("TEST_EVERY_DATABASE"):
        return [chosen[zlib.crc32(test.encode()) % len(chosen)]]
    return chosen


def chosen_databases(environ: Mapping[str, str]) -> list[str]:
    chosen = [name.strip() for name in environ.get("TEST_DATABASES", ",".join(DATABASES)).split(",")]
    if unknown := set(chosen) - set(DATABASES):
        raise pytest.UsageError(f"TEST_DATABASES names {sorted(unknown)}. Known databases: {', '.join(DATABASES)}.")
    if environ.get("CI") and set(chosen) != set(DATABASES):
        raise pytest.UsageError("TEST_DATABASES must not leave out a database in CI.")
    return chosen


@pytest.fixture(scope="session")
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one, for a commit to a disk waits."""
    with tempfile.TemporaryDirectory(prefix="punctual-sqlite-", dir=fastest_place()) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def sqlite_databases(quick_folder: Path) -> SQLiteDatabases:
    return SQLiteDatabases(quick_folder)


@pytest.fixture(scope="session")
def postgresql_databases() -> Iterator[PostgresDatabases]:
    with postgres_server() as server_url:
        databases = PostgresDatabases(server_url)
        yield databases
        databases.close()


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def sqlite_url(sqlite_databases: SQLiteDatabases, quick_folder: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=quick_folder) as folder:
        yield sqlite_databases.migrated(Path(folder))


@pytest.fixture
def postgresql_url(postgresql_databases: PostgresDatabases) -> Iterator[str]:
    with postgresql_databases.migrated() as url:
        yield url


@pytest.fixture
def blank_database_url(request: pytest.FixtureRequest, quick_folder: Path) -> Iterator[str]:
    if request.param == "sqlite":
        with tempfile.TemporaryDirectory(dir=quick_folder) as folder:
            yield f"sqlite:///{folder}/blank.sqlite3"
        return
    with request.getfixturevalue("postgresql_databases").blank() as url:
        yield url
