"""Room beyond a full window, and of several publishers: who goes past the others, and how far the gate looks."""

from unittest import mock

from app.delivery.gate.waiting import MAX_ASIDE, MAX_GROUP, Waiting
from app.domain.delivery import ReadyDelivery
from app.domain.in_flight import InFlight
from app.domain.lanes import Lanes
from tests.simulation.stage import VirtualStage
from tests.simulation.waiting_queue import Claims, StandInSenders, answered, groups, ids, with_room


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


def test_look_goes_on_with_as_many_aside_as_allowed(stage: VirtualStage, queue: Waiting, claims: Claims):
    lanes = with_room(stage, Lanes([InFlight(1), InFlight(200)]))
    deliveries = [stage.delivery(0.5), *(stage.delivery(1.0) for _ in range(MAX_ASIDE)), stage.delivery(1.0)]
    for delivery in deliveries[:-1]:
        delivery.allowed = (0,)
    deliveries[-1].allowed = (1,)
    stage.call_for_each(0.0, queue.add, deliveries)
    stage.run(1.1)
    assert groups(claims)[:2] == [(0.49, ids(deliveries[0])), (0.99, ids(deliveries[-1]))]
    assert (len(lanes), len(queue)) == (2, MAX_ASIDE)


def test_many_owners_kept_out_share_the_room_beyond(stage: VirtualStage, queue: Waiting, claims: Claims):
    bound = with_room(stage, InFlight())
    bound.window.size = 4.0
    stage.call_for_each(0.0, queue.add, [stage.delivery(1.0) for _ in range(4)])
    stage.call_for_each(0.0, queue.add, [stage.delivery(1.5, owner=f"owner-{number}") for number in range(9)])
    stage.run(2.0)
    assert [len(group) for _, group in groups(claims)] == [4, 4]
    assert (len(bound), len(queue)) == (8, 5)


def test_kept_out_delivery_of_another_publisher_waits_on(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    lanes = with_room(stage, Lanes([InFlight(), InFlight()]))
    for lane in lanes.lanes:
        lane.window.size = 2.0
    mine = [stage.delivery(1.0) for _ in range(4)]
    for delivery in mine:
        delivery.allowed = (0, 1)
    other = stage.delivery(1.5, owner="bob")
    other.allowed = (1,)  # the room beyond is the first publisher's
    stage.call_for_each(0.0, queue.add, [*mine, other])
    stage.run(2.0)
    assert (len(groups(claims)), len(queue), len(lanes)) == (1, 1, 4)
    stage.at(2.0, answered(stage, senders, next(each for each in mine if each.publisher == 1)))
    stage.run(3.0)
    assert groups(claims)[1:] == [(2.0, ids(other))]
