"""Settle: only the attempt's own worker settles it, also after a short database failure."""

from datetime import timedelta

import pytest

from app.delivery.settle import settle
from app.domain.delivery import Dispatched
from app.domain.outcomes import Outcome, Verdict
from app.domain.ports import Reply
from tests.support.fakes import answered, not_sent, unknown
from tests.support.world import IN_TEN_MINUTES, World

STALE_FINISHERS = {
    "transient": Verdict(Outcome.TRANSIENT, "publisher_error", "…"),
    "not sent": Verdict(Outcome.NOT_SENT, "publisher_unreachable", "…"),
    "permanent": Verdict(Outcome.PERMANENT, "rejected_by_platform", "…"),
    "accepted": Verdict(Outcome.ACCEPTED),
    "unknown": Verdict(Outcome.UNKNOWN, "outcome_unknown"),
}


@pytest.mark.parametrize("verdict", STALE_FINISHERS)
def test_late_settle_of_an_attempt_does_not_touch_its_successor(world: World, verdict: str):
    first = world.expired()
    world.overwrite(first, status="scheduled", next_attempt_at=world.clock.now(), lease_until=None, sending_at=None)
    assert world.dispatch(first) == Dispatched("dispatched")
    second, written = world.read(first), world.transitions(first)
    assert settle(world.deps, first, STALE_FINISHERS[verdict]).status == "dispatched"
    assert world.read(first) == second
    assert world.transitions(first) == written
    assert world.attempts(first)[1].outcome == "accepted"


@pytest.mark.parametrize("verdict", STALE_FINISHERS)
def test_late_settle_of_an_older_generation_does_not_touch_the_newer_one(world: World, verdict: str):
    first = world.in_flight()
    second = world.overwrite(first, generation=first.generation + 1)
    written = world.transitions(first)
    settle(world.deps, first, STALE_FINISHERS[verdict])
    assert world.read(first) == second
    assert world.transitions(first) == written


@pytest.mark.parametrize("times", [1, 2, 3])
def test_settle_retries_during_a_short_database_failure(world: World, times: int):
    post = world.due()
    world.publisher.during_send = lambda _: world.fail_transactions(times)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.outcomes(post) == ["accepted"]
    pauses = [0.2, 1.0, 3.0][:times]
    assert (world.clock.now() - IN_TEN_MINUTES).total_seconds() == pytest.approx(sum(pauses))


@pytest.mark.parametrize("reply", [answered(200), answered(500), unknown(), not_sent()], ids=lambda r: r.kind)
def test_settle_leaves_the_post_to_report_and_lease_if_the_database_stays_down(world: World, reply: Reply):
    post = world.due()
    world.publisher.answers(reply)
    world.publisher.during_send = lambda _: world.fail_transactions(4)
    assert world.dispatch(post) == Dispatched("dispatched", "not_settled")
    after = world.read(post)
    assert (after.status, after.lease_until) == ("publishing", IN_TEN_MINUTES + timedelta(seconds=480))
    assert world.outcomes(post) == [None]
    assert world.report_published(post).applied
    assert world.read(post).status == "published"


def test_database_failure_before_the_claim_raises_and_sends_nothing(world: World):
    from app.domain.errors import Unavailable

    post = world.due()
    before = world.all_post_rows()
    world.fail_transactions(1)
    with pytest.raises(Unavailable):
        world.dispatch(post)
    assert world.all_post_rows() == before
    assert world.publisher.submissions == []


def test_database_failure_at_the_claim_raises_and_sends_nothing(world: World):
    from app.domain.errors import Unavailable

    post = world.due()
    world.at_next_transaction(lambda: world.fail_transactions(1))
    with pytest.raises(Unavailable):
        world.dispatch(post)
    assert world.publisher.submissions == []
    assert world.read(post).status == "scheduled"


def test_dispatch_succeeds_even_if_its_alert_cannot_be_stored(world: World):
    post = world.due()
    world.publisher.answers(answered(404))
    world.at_next_transaction(lambda: None)  # the claim
    world.at_next_transaction(lambda: None)  # the settle
    world.at_next_transaction(lambda: world.fail_transactions(1))  # the alert
    assert world.dispatch(post) == Dispatched("retry_scheduled", "workflow_inactive")
    assert world.read(post).armed


def test_dispatch_succeeds_even_if_its_message_id_cannot_be_stored(world: World):
    post = world.due()
    world.publisher.answers(answered(500))
    world.at_next_transaction(lambda: None)  # the claim
    world.at_next_transaction(lambda: None)  # the settle
    world.at_next_transaction(lambda: world.fail_transactions(1))  # the message id
    assert world.dispatch(post) == Dispatched("retry_scheduled", "publisher_error")
    assert world.read(post).message_id is None
    assert "msg_2" in world.messages.pending
