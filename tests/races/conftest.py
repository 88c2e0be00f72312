from collections.abc import Iterator

import pytest

from app.store import engine
from tests.support.threads import TIMEOUT_SECONDS
from tests.support.world import World


@pytest.fixture(autouse=True)
def _long_queue_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads wait long for a connection or for SQLite's one writer, so that a slow machine fails no test."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_SECONDS", float(TIMEOUT_SECONDS))
    monkeypatch.setattr(engine, "POOL_TIMEOUT_SECONDS", float(TIMEOUT_SECONDS))


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A world on each database, for rules that must also hold with SQLite's single writer."""
    made = World(database_url)
    yield made
    made.close()


@pytest.fixture
def pg_world(postgresql_url: str) -> Iterator[World]:
    """A world on PostgreSQL, where transactions really run concurrently."""
    made = World(postgresql_url)
    yield made
    made.close()
