from collections.abc import Iterator
from unittest import mock

import pytest

from app.delivery.gate import senders
from tests.simulation.stage import Sends, VirtualStage, virtual_stage


@pytest.fixture
def stage() -> Iterator[VirtualStage]:
    with virtual_stage() as made:
        yield made


@pytest.fixture
def sends(stage: VirtualStage) -> Iterator[Sends]:
    made = Sends(stage)
    with mock.patch.object(senders, "send", made):
        yield made
