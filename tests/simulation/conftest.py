from collections.abc import Iterator
from typing import cast
from unittest import mock

import pytest

from app.delivery.gate import senders as senders_module
from app.delivery.gate import waiting
from app.delivery.gate.senders import Senders
from app.delivery.gate.waiting import Waiting
from tests.simulation.stage import Sends, VirtualStage, virtual_stage
from tests.simulation.waiting_queue import Claims, StandInSenders


@pytest.fixture
def stage() -> Iterator[VirtualStage]:
    with virtual_stage() as made:
        yield made


@pytest.fixture
def sends(stage: VirtualStage) -> Iterator[Sends]:
    made = Sends(stage)
    with mock.patch.object(senders_module, "send", made):
        yield made


@pytest.fixture
def claims(stage: VirtualStage) -> Iterator[Claims]:
    made = Claims(stage)
    with mock.patch.object(waiting, "claim", made):
        yield made


@pytest.fixture
def senders(stage: VirtualStage) -> Iterator[StandInSenders]:
    made = StandInSenders()
    yield made
    assert all(call == mock.call(stage.deps) for call in made.add_if_stalled.call_args_list)
    assert all(call.args[0] is stage.deps for call in made.put.call_args_list)


@pytest.fixture
def queue(stage: VirtualStage, claims: Claims, senders: StandInSenders) -> Waiting:
    made = Waiting(cast(Senders, senders))
    stage.forever(made.claim_next)
    return made
