from collections.abc import Iterator

import pytest

from app.delivery.gate.waiting import Gate
from tests.support.gate_deliveries import EARLY
from tests.support.world import IN_TEN_MINUTES, World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()


@pytest.fixture
def gate(world: World) -> Gate:
    """All that is dispatched goes through it; half a second before the posts are due."""
    gate = Gate()
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    return gate


@pytest.fixture
def postgres_world(postgresql_url: str) -> Iterator[World]:
    """For what only one of the two databases can do."""
    made = World(postgresql_url)
    yield made
    made.close()
