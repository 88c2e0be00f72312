from collections.abc import Iterator

import pytest

from app.delivery.gate.gate import Gate
from tests.support.gate_deliveries import EARLY
from tests.support.world import IN_TEN_MINUTES, World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()


@pytest.fixture
def gate(world: World) -> Gate:
    """Return a gate for every dispatch, with the clock half a second before the due instant."""
    gate = Gate()
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    return gate


@pytest.fixture
def postgres_world(postgresql_url: str) -> Iterator[World]:
    """Return a world on PostgreSQL only, for tests that count its statements."""
    made = World(postgresql_url)
    yield made
    made.close()
