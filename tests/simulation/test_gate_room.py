"""The waiting deliveries and n8n's room: who is claimed, who waits, who goes back, and who is turned away."""

from contextlib import ExitStack
from datetime import timedelta
from typing import cast
from unittest import mock

import pytest

from app.delivery.claim import ClockSetBack
from app.delivery.gate import waiting
from app.delivery.gate.senders import Senders
from app.delivery.gate.waiting import MAX_NAP_SECONDS, Waiting
from app.domain.delivery import ReadyDelivery, TurnedAway
from app.domain.in_flight import InFlight
from tests.simulation.kernel import EPOCH
from tests.simulation.stage import VirtualStage
from tests.simulation.waiting_queue import Claims, StandInSenders, answered, groups, ids, until, with_room


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


def test_claim_under_way_is_near(stage: VirtualStage, queue: Waiting):
    seen: list[bool] = []

    def claim(_deps: object, group: list[ReadyDelivery], _at: object, **_: object) -> list[None]:
        seen.append(queue.is_near(stage.deps, 0.01))
        return [None] * len(group)

    stage.at(0.0, lambda: queue.add(stage.delivery(1.0)))
    with mock.patch.object(waiting, "claim", claim):
        stage.run(2.0)
    assert (seen, queue.is_near(stage.deps, 0.01)) == ([True], False)


def test_answer_just_after_the_look_for_room_is_noticed_at_once(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    bound = with_room(stage, InFlight(1))
    first, second = stage.delivery(1.0), stage.delivery(1.0)

    def look_slowly(*_: object) -> tuple[int, set[str]]:
        stage.kernel.pause(0.01)
        return 0, set()

    stage.call_for_each(0.0, queue.add, [first, second])
    stage.at(0.995, answered(stage, senders, first))
    with mock.patch.object(bound, "kept_out", look_slowly):
        stage.run(1.1)
    assert groups(claims)[1:] == [(1.0, ids(second))]


def test_clock_set_back_holds_due_deliveries_that_wait_for_room(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    with_room(stage, InFlight(1))
    first, second = stage.delivery(1.0), stage.delivery(1.0)
    stage.call_for_each(0.0, queue.add, [first, second])
    stage.at(1.5, lambda: setattr(stage.clock, "ahead", -5.0))
    stage.at(1.6, answered(stage, senders, first))
    stage.run(9.0)
    assert claims.calls == [(0.99, ids(first), 1.0), (5.99, ids(second), 1.0)]


def test_earlier_instant_goes_first_among_owners_that_wait_for_room(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    with_room(stage, InFlight(1))
    first, second = stage.delivery(1.0), stage.delivery(1.0)
    late = stage.delivery(0.5, owner="bob")
    stage.call_for_each(0.0, queue.add, [first, second])
    stage.at(1.3, lambda: queue.add(late))
    stage.at(1.6, answered(stage, senders, first))
    stage.run(2.0)
    assert groups(claims) == [(0.99, ids(first)), (1.6, ids(late))]


def test_owners_below_their_share_get_no_more_than_the_room(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    with_room(stage, InFlight(2))
    senders.backlog, senders.below = 3, {"bob", "eve", "dan"}
    stage.call_for_each(0.0, queue.add, [stage.delivery(1.0, owner=owner) for owner in sorted(senders.below)])
    stage.run(1.5)
    assert groups(claims) == [(0.99, ["post-1", "post-2"])]


def test_room_is_asked_for_by_the_clock(stage: VirtualStage, queue: Waiting):
    bound = with_room(stage, InFlight(1))
    stage.call_for_each(0.0, queue.add, [stage.delivery(1.0) for _ in range(2)])
    parts = ("reserve", "kept_out")
    with ExitStack() as stack:
        spies = [stack.enter_context(mock.patch.object(bound, part, wraps=getattr(bound, part))) for part in parts]
        stage.run(0.995)
    assert {call.args[1] for spy in spies for call in spy.call_args_list} == {EPOCH + timedelta(seconds=0.99)}


def test_send_that_ends_before_any_delivery_waits_wakes_nobody(stage: VirtualStage, senders: StandInSenders):
    made = Waiting(cast(Senders, senders))
    with mock.patch.object(made._changed, "notify") as notify:
        senders.on_finished()
    assert not notify.called


def test_post_without_a_waiting_delivery_has_no_duplicates(stage: VirtualStage, queue: Waiting):
    assert queue.duplicates(stage.delivery(1.0).post) == 0
