"""The waiting deliveries and n8n's room: who is claimed, who waits, who goes back, and who is turned away."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from app.delivery.claim import ClockSetBack
from app.delivery.gate import waiting
from app.delivery.gate.waiting import MAX_ASIDE, MAX_GROUP, MAX_NAP_SECONDS, Waiting
from app.domain.delivery import ReadyDelivery, TurnedAway
from app.domain.in_flight import InFlight
from app.domain.lanes import Lanes
from tests.simulation.kernel import EPOCH
from tests.simulation.stage import VirtualStage
from tests.simulation.waiting_queue import Claims, StandInSenders, ids

Groups = list[tuple[float, list[str]]]


def with_room(stage: VirtualStage, in_flight: Any) -> Any:
    stage.deps.__dict__["in_flight"] = in_flight
    return in_flight


def until(delivery: ReadyDelivery, seconds: float) -> ReadyDelivery:
    delivery.claim_by = EPOCH + timedelta(seconds=seconds)
    return delivery


def groups(claims: Claims) -> Groups:
    return [(when, group) for when, group, _ in claims.calls]


def answered(stage: VirtualStage, senders: StandInSenders, delivery: ReadyDelivery) -> Callable[[], None]:
    """Return a call that counts a delivery out as a sender does after its send."""

    def finish() -> None:
        stage.deps.in_flight.leave(delivery)
        senders.on_finished()

    return finish


def test_delivery_beyond_the_room_is_claimed_with_the_next_answer(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    bound = with_room(stage, InFlight(2))
    deliveries = [stage.delivery(1.0) for _ in range(4)]
    stage.call_for_each(0.0, queue.add, deliveries)
    stage.at(1.6, answered(stage, senders, deliveries[0]))
    stage.run(1.5)
    assert (groups(claims), len(queue), len(bound)) == ([(0.99, ids(*deliveries[:2]))], 2, 2)
    assert bound.short_for(stage.clock.now()) == timedelta(seconds=0.51)
    stage.run(1.7)
    assert groups(claims)[1:] == [(1.6, ids(deliveries[2]))]
    assert bound.short_since is not None
    stage.at(1.7, answered(stage, senders, deliveries[1]))
    stage.run(2.0)
    assert groups(claims)[2:] == [(1.7, ids(deliveries[3]))]
    assert (bound.short_since, len(queue)) == (None, 0)


def test_room_without_a_call_is_noticed_within_a_nap(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    with_room(stage, InFlight(1))
    first, second = stage.delivery(1.0), stage.delivery(1.0)
    stage.call_for_each(0.0, queue.add, [first, second])
    stage.at(1.1, lambda: stage.deps.in_flight.leave(first))
    stage.run(2.0)
    assert groups(claims) == [(0.99, ids(first)), (0.99 + MAX_NAP_SECONDS, ids(second))]


def test_gate_is_near_while_it_claims_or_has_room_and_not_while_n8n_is_full(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    with_room(stage, InFlight(1))
    first, second = stage.delivery(1.0), stage.delivery(1.0)
    seen: list[bool] = []

    def look() -> None:
        seen.append(queue.is_near(stage.deps, 0.01))

    def claim(_deps: object, group: list[ReadyDelivery], _at: object, **_: object) -> list[None]:
        stage.kernel.pause(0.01)
        return [None] * len(group)

    stage.call_for_each(0.0, queue.add, [first, second])
    for at in (0.98, 0.995, 1.2):
        stage.at(at, look)
    with mock.patch.object(waiting, "claim", claim):
        stage.run(1.3)
        assert seen == [False, True, False]  # far, in a claim, short of room
        senders.backlog = 3  # no sender is free for a group, but n8n has room
        stage.at(1.3, answered(stage, senders, first))
        stage.at(1.4, look)
        stage.run(1.5)
    assert seen == [False, True, False, True]


def test_no_delivery_is_claimed_twice_by_a_call_without_a_shortage(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    stage.at(0.0, lambda: queue.add(stage.delivery(1.0)))
    with mock.patch.object(queue._changed, "notify") as notify:
        stage.at(0.5, senders.on_finished)
        stage.run(0.6)
    assert notify.call_count == 1  # of the new delivery


def test_deliveries_that_can_wait_no_longer_are_turned_away_and_the_others_stay(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    with_room(stage, InFlight(1))
    first, endless = stage.delivery(1.0), stage.delivery(1.0)
    short, long = until(stage.delivery(1.0, seat=True), 2.0), until(stage.delivery(1.0), 3.0)
    copy = stage.duplicate(short)
    stage.call_for_each(0.0, queue.add, [first, long, short, endless, copy])
    stage.run(1.99)
    assert (short.future.done(), len(queue), stage.seats.free) == (False, 3, 63)
    stage.run(2.0 + MAX_NAP_SECONDS)
    assert (short.future.result(), copy.future.result()) == (TurnedAway.NO_ROOM, TurnedAway.NO_ROOM)
    assert (long.future.done(), len(queue), stage.seats.free) == (False, 2, 64)
    stage.run(3.0 + MAX_NAP_SECONDS)
    assert (long.future.result(), endless.future.done(), len(queue)) == (TurnedAway.NO_ROOM, False, 1)
    stage.at(4.0, answered(stage, senders, first))
    stage.run(5.0)
    assert groups(claims) == [(0.99, ids(first)), (4.0, ids(endless))]


def test_delivery_whose_time_is_over_is_not_claimed_though_room_comes_then(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    with_room(stage, InFlight(1))
    first, late, more = stage.delivery(1.0), until(stage.delivery(1.0), 1.5), until(stage.delivery(1.0), 9.0)
    stage.call_for_each(0.0, queue.add, [first, late, more])
    stage.at(1.5, answered(stage, senders, first))
    stage.run(2.0)
    assert (late.future.result(), groups(claims)[1:]) == (TurnedAway.NO_ROOM, [(1.5, ids(more))])


def test_delivery_that_may_still_wait_is_claimed_with_the_room_that_comes(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    with_room(stage, InFlight(1))
    first, next_one = stage.delivery(1.0), until(stage.delivery(1.0), 1.501)
    stage.call_for_each(0.0, queue.add, [first, next_one])
    stage.at(1.5, answered(stage, senders, first))
    stage.run(2.0)
    assert (next_one.future.done(), groups(claims)[1:]) == (False, [(1.5, ids(next_one))])


def test_group_is_no_larger_than_the_room(stage: VirtualStage, queue: Waiting, claims: Claims):
    with_room(stage, InFlight(3))
    stage.call_for_each(0.0, queue.add, [stage.delivery(1.0) for _ in range(5)])
    stage.run(2.0)
    assert groups(claims) == [(0.99, ["post-1", "post-2", "post-3"])]


def test_lost_claims_give_their_room_to_the_next_ones(stage: VirtualStage, queue: Waiting, claims: Claims):
    bound = with_room(stage, InFlight(2))
    claims.answers = [[TurnedAway.POST_CHANGED, TurnedAway.PAUSED]]
    deliveries = [stage.delivery(1.0) for _ in range(3)]
    stage.call_for_each(0.0, queue.add, deliveries)
    stage.run(2.0)
    assert groups(claims) == [(0.99, ids(*deliveries[:2])), (0.99, ids(deliveries[2]))]
    assert len(bound) == 1


@pytest.mark.parametrize("error", [ClockSetBack(), RuntimeError("simulated")])
def test_failed_claim_gives_its_room_back(stage: VirtualStage, queue: Waiting, claims: Claims, error: Exception):
    bound = with_room(stage, InFlight(2))
    claims.answers = [error]
    stage.call_for_each(0.0, queue.add, [stage.delivery(1.0) for _ in range(2)])
    stage.run(0.995)
    assert len(bound) == 0


def test_owner_kept_out_by_another_owner_has_room_beyond_a_learned_window(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    bound = with_room(stage, InFlight())
    bound.window.size = 4.0
    mine = [stage.delivery(1.0) for _ in range(6)]
    others = [stage.delivery(1.5, owner="bob") for _ in range(2)]
    stage.call_for_each(0.0, queue.add, [*mine, *others])
    stage.run(2.0)
    assert groups(claims) == [(0.99, ids(*mine[:4])), *((1.5, ids(other)) for other in others)]
    assert (len(bound), len(queue)) == (6, 2)
    assert bound.short_since is not None


def test_delivery_whose_publisher_is_full_waits_while_others_go(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    lanes = with_room(stage, Lanes([InFlight(1), InFlight(3)]))
    first, second, third = (stage.delivery(1.0) for _ in range(3))
    for delivery in (first, second):
        delivery.allowed = (0,)
    third.allowed = (1,)
    stage.call_for_each(0.0, queue.add, [first, second, third])
    stage.run(1.5)
    assert groups(claims) == [(0.99, ids(first, third))]
    assert (len(queue), len(lanes)) == (1, 2)
    stage.at(1.6, answered(stage, senders, first))
    stage.run(2.0)
    assert groups(claims)[1:] == [(1.6, ids(second))]


def test_delivery_of_another_publisher_goes_at_its_instant_while_others_wait(
    stage: VirtualStage, queue: Waiting, claims: Claims
):
    with_room(stage, Lanes([InFlight(1), InFlight(1)]))
    first, second, later = stage.delivery(1.0), stage.delivery(1.0), stage.delivery(1.6)
    for delivery in (first, second):
        delivery.allowed = (0,)
    later.allowed = (1,)
    stage.call_for_each(0.0, queue.add, [first, second, later])
    stage.run(2.0)
    assert groups(claims) == [(0.99, ids(first)), (1.6, ids(later))]


def test_look_past_deliveries_without_a_publisher_is_bounded(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    with_room(stage, Lanes([InFlight(1), InFlight(200)]))
    stuck = [stage.delivery(1.0) for _ in range(MAX_ASIDE + 2 * MAX_GROUP)]
    for delivery in stuck:
        delivery.allowed = (0,)
    free = stage.delivery(1.0)
    free.allowed = (1,)
    looked: list[int] = []
    enter = stage.deps.in_flight.enter

    def note(group: list[ReadyDelivery], reserved: int = 0) -> list[ReadyDelivery]:
        looked.append(len(group))
        return enter(group, reserved)

    stage.call_for_each(0.0, queue.add, [*stuck, free])
    with mock.patch.object(stage.deps.in_flight, "enter", note):
        stage.run(0.995)
    # One of the first eight goes. Nine more looks of seven put more than MAX_ASIDE aside.
    assert looked[:11] == [MAX_GROUP, *[MAX_GROUP - 1] * 9, MAX_GROUP]
    assert groups(claims)[0] == (0.99, ids(stuck[0]))
