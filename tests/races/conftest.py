from collections.abc import Iterator

import pytest

from tests.support.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """On both databases, for what must hold however few writers there can be at once."""
    made = World(database_url)
    yield made
    made.close()


@pytest.fixture
def crowd(postgresql_url: str) -> Iterator[World]:
    """On PostgreSQL, where transactions really run beside each other."""
    made = World(postgresql_url)
    yield made
    made.close()
