from collections.abc import Iterator

import pytest

from tests.simulation.stage import VirtualStage, virtual_stage


@pytest.fixture
def stage() -> Iterator[VirtualStage]:
    with virtual_stage() as made:
        yield made
