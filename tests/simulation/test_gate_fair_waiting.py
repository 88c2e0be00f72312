"""The waiting deliveries of several owners, and duplicates: the order of claims, and the answers of duplicates."""

from app.delivery.gate.waiting import MAX_GROUP, Waiting
from app.domain.delivery import TurnedAway
from tests.simulation.stage import VirtualStage
from tests.simulation.waiting_queue import LOST, Claims, StandInSenders, ids, sent


def test_owners_below_their_share_are_claimed_without_room(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    senders.backlog, senders.below = 3, {"bob"}
    deliveries = [stage.delivery(1.0), *(stage.delivery(1.0, owner="bob") for _ in range(2))]
    stage.call_for_each(0.0, queue.add, deliveries)
    stage.at(1.0, lambda: setattr(senders, "below", set()))
    stage.run(1.5)
    assert claims.calls == [(0.99, ["post-2"], 1.0), (0.99, ["post-3"], 1.0)]
    assert len(queue) == 1


def test_duplicate_gets_the_answer_of_a_lost_claim_and_busy_after_a_won_one(
    stage: VirtualStage, queue: Waiting, claims: Claims, senders: StandInSenders
):
    won, lost = stage.delivery(1.0), stage.delivery(1.0)
    copies = [stage.duplicate(won), stage.duplicate(lost)]
    claims.answers = [[None, TurnedAway.ACCOUNT_CHANGED]]
    stage.call_for_each(0.0, queue.add, [won, lost, *copies])
    stage.run(2.0)
    assert claims.calls == [(0.99, ids(won, lost), 1.0)]
    assert [copy.future.result() for copy in copies] == [LOST, TurnedAway.ACCOUNT_CHANGED]
    assert (sent(senders), lost.future.result()) == (ids(won), TurnedAway.ACCOUNT_CHANGED)


def test_second_owner_is_in_the_first_group(stage: VirtualStage, queue: Waiting, claims: Claims):
    many, one = [stage.delivery(1.0) for _ in range(MAX_GROUP)], stage.delivery(1.0, owner="bob")
    stage.call_for_each(0.0, queue.add, [*many, one])
    stage.run(2.0)
    assert claims.calls[0][1] == ids(many[0], one, *many[1:-1])
