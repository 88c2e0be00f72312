"""The gate's door: who may wait, who is turned away, and who finishes a delivery that comes back."""

from collections.abc import Iterator
from unittest import mock

import pytest

from app.delivery.gate import gate as module
from app.delivery.gate.gate import SENDERS, Gate
from app.delivery.gate.gate import _repeat as repeat_in_thread
from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched, ReadyDelivery, TurnedAway
from app.domain.errors import Stopping, Unavailable
from app.domain.in_flight import InFlight
from app.domain.lanes import Lanes
from tests.simulation.kernel import Actor
from tests.simulation.stage import VirtualStage
from tests.simulation.threads import virtual_seats

ALONE = Dispatched("dispatched", "alone")
PASSED = Dispatched("dispatched")


@pytest.fixture
def gate(stage: VirtualStage) -> Gate:
    return Gate(senders=3)


@pytest.fixture
def alone(stage: VirtualStage) -> Iterator[mock.Mock]:
    with mock.patch.object(module, "deliver_alone", return_value=ALONE) as made:
        made.side_effect = lambda *_: made.seconds.append(stage.seconds) or ALONE
        made.seconds = []
        yield made


@pytest.fixture(autouse=True)
def parts(gate: Gate) -> Iterator[mock.Mock]:
    """Let the threads do nothing, so a test answers each delivery itself."""
    with mock.patch.object(module, "_repeat") as made:
        yield made


def deliver(stage: VirtualStage, gate: Gate, delivery: ReadyDelivery, at: float) -> Actor:
    actor = Actor("delivers", 0, lambda: gate.deliver(stage.deps, delivery))
    stage.at(at, lambda: stage.kernel.spawn(actor))
    return actor


def test_delivery_waits_with_a_seat_and_gets_its_result(stage: VirtualStage, gate: Gate, alone: mock.Mock):
    delivery = stage.delivery(5.0)
    actor = deliver(stage, gate, delivery, 1.0)
    stage.run(2.0)
    assert (len(gate), delivery.seat is not None, stage.seats.free, actor.done) == (1, True, 63, False)
    stage.at(3.0, lambda: delivery.future.set_result(PASSED))
    stage.run(4.0)
    assert (actor.result, alone.call_count) == (PASSED, 0)


@pytest.mark.parametrize("due", [0.5, 1.0])
def test_due_delivery_needs_no_seat(stage: VirtualStage, gate: Gate, due: float):
    delivery = stage.delivery(due)
    deliver(stage, gate, delivery, 1.0)
    stage.run(2.0)
    assert (len(gate), delivery.seat, stage.seats.free, stage.publisher.warm.called) == (1, None, 64, False)


def test_early_delivery_without_a_free_seat_is_turned_away(stage: VirtualStage, gate: Gate):
    for _ in range(64):
        stage.delivery(9.0, seat=True)
    actor = deliver(stage, gate, stage.delivery(5.0), 1.0)
    stage.run(2.0)
    assert (actor.result, len(gate)) == (TurnedAway.NO_SEAT, 0)


@pytest.mark.parametrize(("due", "let_go"), [(3.001, True), (3.0, False), (0.5, False)])
def test_stopping_gate_takes_no_delivery_that_can_come_back(stage: VirtualStage, gate: Gate, due: float, let_go: bool):
    stage.stop.requested = True
    actor = deliver(stage, gate, stage.delivery(due), 1.0)
    stage.run(2.0)
    assert (isinstance(actor.error, Stopping), len(gate)) == (let_go, 0 if let_go else 1)
    assert stage.seats.free == (64 if let_go or due < 1.0 else 63)


def test_delivery_given_back_early_is_finished_at_its_instant(stage: VirtualStage, gate: Gate, alone: mock.Mock):
    delivery = stage.delivery(5.0)
    actor = deliver(stage, gate, delivery, 1.0)
    stage.at(4.99, lambda: delivery.future.set_result(None))
    stage.run(6.0)
    assert (actor.result, alone.seconds) == (ALONE, [5.0])
    assert alone.call_args == mock.call(stage.deps, delivery)


def test_exception_of_a_delivery_reaches_its_caller(stage: VirtualStage, gate: Gate, alone: mock.Mock):
    delivery = stage.delivery(5.0)
    actor = deliver(stage, gate, delivery, 1.0)
    stage.at(2.0, lambda: delivery.future.set_exception(Unavailable()))
    stage.run(3.0)
    assert (type(actor.error), alone.call_count) == (Unavailable, 0)


def test_one_connection_is_warmed_for_each_sender_once_others_wait(stage: VirtualStage, gate: Gate):
    for number in range(5):
        deliver(stage, gate, stage.delivery(9.0), 1.0 + number)
    stage.run(8.0)
    assert stage.publisher.warm.call_args_list == [mock.call(2), mock.call(3), mock.call(3), mock.call(3)]


def test_gate_without_a_publisher_takes_deliveries(stage: VirtualStage, gate: Gate):
    stage.deps.__dict__["publishers"] = ()
    actors = [deliver(stage, gate, stage.delivery(9.0), 1.0 + number) for number in range(2)]
    stage.run(4.0)
    assert (len(gate), [actor.error for actor in actors]) == (2, [None, None])


def test_threads_start_once_with_the_first_delivery(stage: VirtualStage, gate: Gate, parts: mock.Mock):
    assert stage.threads == []
    for number in range(3):
        deliver(stage, gate, stage.delivery(9.0), 1.0 + number)
    stage.run(5.0)
    assert stage.threads == ["gate_claim", "gate_settle", "gate_reply", *["gate_send"] * 3]
    works = [call.args[0].__name__ for call in parts.call_args_list]
    assert works == ["claim_next", "settle_next", "reply_next", *["send_next"] * 3]
    assert [call.args[1:] for call in parts.call_args_list] == [(stage.deps,)] * 6
    assert SENDERS == 8


@pytest.mark.parametrize(("is_probe", "publishers"), [(False, 2), (True, 1), (False, 1)])
def test_delivery_for_any_publisher_waits(stage: VirtualStage, gate: Gate, is_probe: bool, publishers: int):
    delivery = stage.delivery(1.0)
    delivery.is_probe, delivery.circuits = is_probe, (Breaker(),) * publishers
    actor = deliver(stage, gate, delivery, 1.0)
    stage.run(2.0)
    assert (len(gate), actor.done) == (1, False)


def test_probe_of_one_of_several_publishers_goes_alone(stage: VirtualStage, gate: Gate, alone: mock.Mock):
    delivery = stage.delivery(1.0)
    delivery.is_probe, delivery.circuits = True, (Breaker(), Breaker())
    actor = deliver(stage, gate, delivery, 1.0)
    stage.run(2.0)
    assert (actor.result, alone.call_args_list, len(gate)) == (ALONE, [mock.call(stage.deps, delivery)], 0)


def test_each_publisher_has_a_sharing_thread(stage: VirtualStage, gate: Gate, parts: mock.Mock):
    stage.deps.__dict__["in_flight"] = Lanes([InFlight(2, shared=True), InFlight(2, shared=True)])
    with mock.patch.object(module, "Sharing") as sharing:
        deliver(stage, gate, stage.delivery(9.0), 1.0)
        stage.run(2.0)
    notice, count = sharing.call_args.args[1], sharing.call_args.args[0]
    assert [call.args for call in sharing.call_args_list] == [(count, notice, 0), (count, notice, 1)]
    assert (count(), notice) == (1, gate._waiting.notice_room)
    assert stage.threads.count("gate_share") == 2
    assert [call.args for call in parts.call_args_list].count((sharing.return_value.share_next, stage.deps)) == 2


def test_gate_is_busy_while_a_send_is_queued_or_an_instant_is_near(stage: VirtualStage, gate: Gate):
    seen = []
    stage.at(1.0, lambda: seen.append(gate.is_busy(stage.deps)))
    deliver(stage, gate, stage.delivery(5.0), 1.5)
    stage.at(4.0, lambda: seen.append(gate.is_busy(stage.deps)))
    stage.at(4.5, lambda: seen.append(gate.is_busy(stage.deps, 0.6)))
    stage.at(4.995, lambda: seen.append(gate.is_busy(stage.deps)))
    stage.run(4.999)
    assert seen == [False, False, True, True]
    other = Gate(senders=1)
    stage.at(5.0, lambda: other._senders.put(stage.deps, stage.delivery(0.0)))
    stage.at(5.1, lambda: seen.append(other.is_busy(stage.deps)))
    stage.run(6.0)
    assert seen[-1] is True


def test_thread_goes_on_after_an_exception(stage: VirtualStage):
    calls: list[object] = []

    def work(deps: object) -> None:
        calls.append(deps)
        if len(calls) == 3:
            raise KeyboardInterrupt
        raise RuntimeError("simulated")

    with pytest.raises(KeyboardInterrupt):
        repeat_in_thread(work, stage.deps)
    assert calls == [stage.deps] * 3


def test_early_duplicate_gives_its_seat_back_with_its_answer(stage: VirtualStage, gate: Gate):
    first = stage.delivery(1.0)  # due by a clock that was then set back
    deliver(stage, gate, first, 1.0)
    stage.at(1.1, lambda: setattr(stage.clock, "ahead", -5.0))
    duplicate = stage.duplicate(first)
    actor = deliver(stage, gate, duplicate, 1.2)
    stage.run(2.0)
    assert (gate.duplicates(first.post), stage.seats.free, len(gate)) == (1, 63, 1)
    stage.at(2.0, lambda: duplicate.future.set_result(PASSED))
    stage.run(3.0)
    assert (actor.result, stage.seats.free) == (PASSED, 64)


def test_seat_is_given_back_where_the_delivery_cannot_be_queued(stage: VirtualStage, gate: Gate):
    deliver(stage, gate, stage.delivery(9.0), 1.0)
    stage.publisher.warm.side_effect = RuntimeError("simulated")
    actor = deliver(stage, gate, stage.delivery(9.0), 2.0)
    stage.run(3.0)
    assert (type(actor.error), stage.seats.free, len(gate)) == (RuntimeError, 63, 1)


def test_withdrawn_delivery_is_turned_away_and_its_seat_serves_the_other_owner(stage: VirtualStage, gate: Gate):
    stage.deps.__dict__["seats"] = seats = virtual_seats(stage, 2)
    mine = [deliver(stage, gate, stage.delivery(9.0), 1.0 + n) for n in range(2)]
    other = deliver(stage, gate, stage.delivery(9.0, owner="bob"), 3.0)
    stage.run(4.0)
    assert [actor.result for actor in mine] == [None, TurnedAway.NO_SEAT]
    assert (other.done, seats.free, len(gate)) == (False, 0, 2)


def test_delivery_whose_seat_goes_to_another_owner_before_it_waits_is_turned_away(stage: VirtualStage, gate: Gate):
    stage.deps.__dict__["seats"] = seats = virtual_seats(stage, 2)
    first = deliver(stage, gate, stage.delivery(9.0), 1.0)
    stage.publisher.warm.side_effect = lambda _: seats.take("bob", ("post-9", 1))
    second = deliver(stage, gate, stage.delivery(9.0), 2.0)
    stage.run(3.0)
    assert (first.done, second.result, len(gate), seats.free) == (False, TurnedAway.NO_SEAT, 1, 0)
