"""The waiting deliveries: each group is claimed at its instant, on virtual threads to the microsecond."""

from datetime import timedelta
from typing import cast

import pytest

from app.delivery import claim
from app.delivery.claim import ClockSetBack
from app.delivery.gate.senders import Senders
from app.delivery.gate.waiting import AHEAD_SECONDS, MAX_GROUP, MAX_NAP_SECONDS, Waiting
from app.deps import NEAR_SECONDS
from app.domain.errors import Stopping, Unavailable
from tests.simulation.kernel import EPOCH
from tests.simulation.stage import VirtualStage
from tests.simulation.waiting_queue import LOST, Claims, StandInSenders, ids, sent


def test_group_of_an_instant_is_claimed_ten_milliseconds_ahead(stage: VirtualStage, queue: Waiting, claims: Claims):
    first, second, later = stage.delivery(2.0), stage.delivery(2.0), stage.delivery(2.005)
    stage.call_for_each(0.5, queue.add, [later, second, first])
    stage.run(1.9)
    assert (len(queue), claims.calls) == (3, [])
    stage.run(3.0)
    assert claims.calls == [(1.99, ids(second, first), 2.0), (1.995, ids(later), 2.005)]
    assert len(queue) == 0


def test_due_deliveries_are_claimed_at_once_without_an_instant(stage: VirtualStage, queue: Waiting, claims: Claims):
    late, due, coming = stage.delivery(0.5), stage.delivery(1.0), stage.delivery(1.004)
    stage.call_for_each(1.0, queue.add, [coming, due, late])
    stage.run(2.0)
    assert claims.calls == [(1.0, ids(late, due), None), (1.0, ids(coming), 1.004)]


def test_delivery_due_at_this_very_instant_is_due(stage: VirtualStage, queue: Waiting, claims: Claims):
    stage.at(1.0, lambda: queue.add(stage.delivery(1.0)))
    stage.run(2.0)
    assert claims.calls == [(1.0, ["post-1"], None)]


def test_group_is_bounded(stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders):
    deliveries = [stage.delivery(1.0) for _ in range(MAX_GROUP + 1)]
    stage.call_for_each(0.0, queue.add, deliveries)
    stage.run(2.0)
    assert [len(group) for _, group, _ in claims.calls] == [MAX_GROUP, 1]
    assert sent(senders) == ids(*deliveries)


def test_nearer_delivery_shortens_the_wait(stage: VirtualStage, queue: Waiting, claims: Claims):
    far, near = stage.delivery(9.0), stage.delivery(1.0)
    stage.at(0.0, lambda: queue.add(far))
    stage.at(0.98, lambda: queue.add(near))
    stage.run(5.0)
    assert claims.calls == [(0.99, ids(near), 1.0)]


def test_clock_put_forward_is_noticed_within_a_nap(stage: VirtualStage, queue: Waiting, claims: Claims):
    stage.at(0.0, lambda: queue.add(stage.delivery(100.0)))
    stage.at(1.1, lambda: setattr(stage.clock, "ahead", 200.0))
    stage.run(10.0)
    assert [(when, at) for when, _, at in claims.calls] == [(1.25, None)]
    assert MAX_NAP_SECONDS == 0.25


def test_group_whose_clock_was_put_back_waits_again_and_is_not_held_again(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    group = [stage.delivery(1.0), stage.delivery(1.0)]
    claims.answers = [ClockSetBack()]
    stage.call_for_each(0.0, queue.add, group)
    stage.at(1.5, lambda: queue.add(stage.delivery(2.0)))
    stage.run(0.995)
    assert (len(queue), sent(senders), [delivery.future.done() for delivery in group]) == (2, [], [False] * 2)
    stage.run(3.0)
    # The second try comes at the instant itself. After it, claims are written ahead again.
    assert claims.calls == [(0.99, ids(*group), 1.0), (1.0, ids(*group), None), (1.99, ["post-3"], 2.0)]
    assert sent(senders) == [*ids(*group), "post-3"]


def test_group_that_cannot_be_claimed_is_given_back_to_its_callers(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    group = [stage.delivery(1.0, seat=True), stage.delivery(1.0)]
    claims.answers = [Unavailable()]
    stage.call_for_each(0.0, queue.add, group)
    stage.run(2.0)
    assert [delivery.future.result() for delivery in group] == [None, None]
    assert (sent(senders), stage.seats.free, len(queue)) == ([], 64, 0)


def test_won_members_are_sent_and_lost_ones_answered(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    won, lost, locked = group = [stage.delivery(1.0, seat=True), stage.delivery(1.0), stage.delivery(1.0, seat=True)]
    locked.locked = True
    claims.answers = [[None, LOST, LOST]]
    stage.call_for_each(0.0, queue.add, group)
    stage.run(2.0)
    assert (sent(senders), won.future.done()) == (ids(won), False)
    assert (lost.future.result(), locked.future.result()) == (LOST, None)
    assert stage.seats.free == 64


def test_nothing_is_claimed_while_more_sends_than_senders_are_queued(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    senders.backlog = 3
    stage.at(0.0, lambda: queue.add(stage.delivery(1.0)))
    stage.at(1.0, lambda: queue.add(stage.delivery(1.001)))
    stage.at(1.5, lambda: setattr(senders, "backlog", 2))
    stage.run(3.0)
    # The claiming thread looks each 2 ms.
    [(when, group, at)] = claims.calls
    assert (group, at) == (["post-1", "post-2"], None)
    assert 1.5 <= when <= 1.503
    assert senders.add_if_stalled.call_count > 200


def test_due_delivery_is_claimed_though_room_comes_just_after_the_look_for_it(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    senders.backlog = 3
    senders.looked_at = lambda: setattr(senders, "backlog", 0)
    stage.at(1.0, lambda: queue.add(stage.delivery(1.0)))
    stage.run(2.0)
    assert [(when, group) for when, group, _ in claims.calls] == [(1.002, ["post-1"])]


def test_claiming_thread_looks_at_stalled_senders_while_sends_are_queued(
    stage: VirtualStage, queue: Waiting, senders: StandInSenders
):
    stage.run(1.0)
    idle = senders.add_if_stalled.call_count
    assert idle == 1  # it sleeps until a delivery comes
    senders.backlog = 1
    stage.at(1.0, lambda: queue.add(stage.delivery(1.0)))
    stage.run(2.1)
    assert senders.add_if_stalled.call_count >= idle + 4


@pytest.mark.parametrize("within", [NEAR_SECONDS, 0.2])
@pytest.mark.parametrize(("more", "near"), [(-0.001, True), (0.0, False), (-1.0, True)])
def test_instant_is_near_within_so_many_seconds(
    stage: VirtualStage, senders: StandInSenders, within: float, more: float, near: bool
):
    left = within + more
    queue, seen = Waiting(cast(Senders, senders)), []

    def look() -> None:
        seen.append(queue.is_near(stage.deps, within))
        queue.add(stage.delivery(left))
        seen.append(queue.is_near(stage.deps, within))

    stage.at(0.0, look)
    stage.run(1.0)
    assert seen == [False, near]


def test_stopping_gate_lets_go_of_deliveries_that_can_come_back(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    kept, near, far = stage.delivery(2.0), stage.delivery(2.95, seat=True), stage.delivery(9.0, seat=True)
    stage.call_for_each(0.0, queue.add, [far, near, kept])
    stage.at(1.0, lambda: setattr(stage.stop, "requested", True))
    stage.run(1.3)
    assert isinstance(far.future.exception(), Stopping)
    assert (near.future.done(), kept.future.done(), stage.seats.free, len(queue)) == (False, False, 63, 2)
    stage.run(4.0)
    assert (sent(senders), stage.seats.free) == (ids(kept, near), 64)


def test_gate_without_stop_requests_keeps_waiting(stage: VirtualStage, queue: Waiting, senders: StandInSenders):
    stage.deps.__dict__["stop"] = None
    stage.at(0.0, lambda: queue.add(stage.delivery(3.0)))
    stage.run(4.0)
    assert sent(senders) == ["post-1"]


def hold(stage: VirtualStage, seconds: float) -> list[float]:
    """Hold a claim for an instant so many seconds away. Return the second at which the hold ended."""
    ended: list[float] = []

    def hold_claim() -> None:
        claim._hold_until(stage.deps, EPOCH + timedelta(seconds=seconds))
        ended.append(stage.seconds)

    stage.at(0.0, hold_claim)
    stage.run(1.0)
    return ended


@pytest.mark.parametrize("seconds", [0.0, 0.0001, 0.004, AHEAD_SECONDS, 0.03])
def test_held_claim_ends_at_its_instant(stage: VirtualStage, seconds: float):
    [ended] = hold(stage, seconds)
    assert ended == pytest.approx(seconds, abs=1e-9)


def test_hold_ends_with_an_error_once_the_clock_was_put_back(stage: VirtualStage):
    ended: list[float] = []

    def hold_long() -> None:
        with pytest.raises(ClockSetBack):
            claim._hold_until(stage.deps, EPOCH + timedelta(seconds=0.01))
        ended.append(stage.seconds)

    stage.at(0.0, hold_long)
    stage.at(0.005, lambda: setattr(stage.clock, "ahead", -5.0))
    stage.run(1.0)
    [at] = ended
    assert claim.MAX_HOLD_SECONDS < at < claim.MAX_HOLD_SECONDS + claim.SLICE_SECONDS
    assert AHEAD_SECONDS < claim.MAX_HOLD_SECONDS
