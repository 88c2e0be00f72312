"""The gate's senders alone on virtual threads: each delivery is sent once, with extra senders while n8n is slow."""

from unittest import mock

import pytest

from app.delivery.gate import senders
from app.delivery.gate.senders import MAX_EXTRA_SENDERS, STALLED_AFTER_SECONDS, Senders
from app.domain.outcomes import Outcome, Verdict
from tests.simulation.stage import Sends, VirtualStage, put_all

EXTRA = "gate_extra_sender"


def two_senders(stage: VirtualStage) -> tuple[Senders, mock.Mock]:
    settled = mock.Mock()
    made = Senders(2, settled)
    for _ in range(2):
        stage.forever(made.send_next)
    return made, settled


def test_accepted_send_is_settled_and_its_caller_waits_on(stage: VirtualStage, sends: Sends):
    queue, settled = two_senders(stage)
    delivery = stage.delivery(0.0)
    stage.at(1.0, lambda: queue.put(stage.deps, delivery))
    stage.run(2.0)
    assert (sends.begun, settled.put.call_args_list) == ([(1.0, "post-1")], [mock.call(delivery)])
    assert (delivery.future.done(), queue.backlog, queue._sending) == (False, 0, set())


@pytest.mark.parametrize("verdict", [Verdict(Outcome.TRANSIENT, "busy", ""), Verdict(Outcome.UNKNOWN), None])
def test_other_send_is_settled_by_its_caller(stage: VirtualStage, sends: Sends, verdict: Verdict | None):
    queue, settled = two_senders(stage)
    delivery, sends.verdict = stage.delivery(0.0), verdict
    stage.at(0.0, lambda: queue.put(stage.deps, delivery))
    stage.run(1.0)
    assert (delivery.future.result(), settled.put.call_count) == (None, 0)


def test_exception_of_a_send_reaches_its_caller_and_the_sender_goes_on(stage: VirtualStage, sends: Sends):
    queue, settled = two_senders(stage)
    deliveries, sends.verdict = [stage.delivery(0.0) for _ in range(3)], RuntimeError("simulated")
    stage.at(0.0, lambda: put_all(queue, deliveries, stage.deps))
    stage.run(1.0)
    assert [type(delivery.future.exception()) for delivery in deliveries] == [RuntimeError] * 3
    assert (settled.put.call_count, queue._sending) == (0, set())


def watch_stall(stage: VirtualStage, queue: Senders, begins: float = 0.01) -> None:
    """Look for stalled senders each 10 ms, as the claiming thread does."""
    stage.at(begins, lambda: queue.add_if_stalled(stage.deps))
    if begins < 4.0:
        watch_stall_later = round(begins + 0.01, 3)
        stage.kernel.at(round(begins * 1_000_000), lambda: watch_stall(stage, queue, watch_stall_later))


def test_senders_are_doubled_while_all_are_held_up_and_sends_are_queued(stage: VirtualStage, sends: Sends):
    queue, _ = two_senders(stage)
    sends.takes = 10.0
    deliveries = [stage.delivery(0.0) for _ in range(9)]
    queue._finished_at = 1.0
    stage.at(1.0, lambda: put_all(queue, deliveries, stage.deps))
    stage.at(1.0, lambda: watch_stall(stage, queue, 1.01))
    stage.run(3.0)
    begun = [when for when, _ in sends.begun]
    assert begun == [1.0] * 2 + [pytest.approx(1.26, abs=0.011)] * 2 + [pytest.approx(1.52, abs=0.021)] * 4 + begun[8:]
    assert begun[8:] == [pytest.approx(1.78, abs=0.031)]
    assert stage.threads.count(EXTRA) == 2 + 4 + 8
    assert queue._extra == 14 - 7  # those without a send ended after STALLED_AFTER_SECONDS


def test_senders_are_not_added_before_the_stall_is_long_enough(stage: VirtualStage, sends: Sends):
    queue, _ = two_senders(stage)
    sends.takes = 10.0
    stage.at(0.0, lambda: put_all(queue, [stage.delivery(0.0) for _ in range(3)], stage.deps))
    stage.at(STALLED_AFTER_SECONDS, lambda: queue.add_if_stalled(stage.deps))
    stage.run(STALLED_AFTER_SECONDS + 0.1)
    assert EXTRA not in stage.threads
    stage.at(STALLED_AFTER_SECONDS + 0.101, lambda: queue.add_if_stalled(stage.deps))
    stage.run(STALLED_AFTER_SECONDS + 0.2)
    assert stage.threads.count(EXTRA) == 2


def test_senders_are_not_added_after_a_send_that_has_just_finished(stage: VirtualStage, sends: Sends):
    queue, _ = two_senders(stage)
    sends.takes = 0.2
    stage.at(1.0, lambda: put_all(queue, [stage.delivery(0.0) for _ in range(20)], stage.deps))
    stage.at(1.0, lambda: watch_stall(stage, queue, 1.21))  # the first ones have finished by then
    stage.run(2.9)
    assert EXTRA not in stage.threads


@pytest.mark.parametrize("count", [1, 2])
def test_senders_are_not_added_while_one_is_free_or_nothing_is_queued(stage: VirtualStage, sends: Sends, count: int):
    queue, _ = two_senders(stage)
    sends.takes = 10.0
    stage.at(0.0, lambda: put_all(queue, [stage.delivery(0.0) for _ in range(count)], stage.deps))
    stage.at(1.0, lambda: watch_stall(stage, queue, 1.01))
    stage.run(3.0)
    assert EXTRA not in stage.threads


def test_senders_are_not_added_while_an_extra_one_is_free(stage: VirtualStage):
    queue = Senders(2, mock.Mock())
    queue._extra, queue._sending, queue._finished_at = 2, {stage.delivery(0.0) for _ in range(3)}, -9.0
    stage.at(0.0, lambda: queue.put(stage.deps, stage.delivery(0.0)))
    stage.at(0.1, lambda: queue.add_if_stalled(stage.deps))
    stage.run(1.0)
    assert EXTRA not in stage.threads


def test_extra_senders_end_when_idle_and_may_come_again(stage: VirtualStage, sends: Sends):
    queue, settled = two_senders(stage)
    sends.takes = 1.0
    deliveries = [stage.delivery(0.0) for _ in range(8)]
    stage.at(1.0, lambda: put_all(queue, deliveries[:4], stage.deps))
    stage.at(1.3, lambda: queue.add_if_stalled(stage.deps))
    stage.run(4.0)
    assert (stage.threads.count(EXTRA), queue._extra, settled.put.call_count) == (2, 0, 4)
    stage.at(5.0, lambda: put_all(queue, deliveries[4:], stage.deps))
    stage.at(5.3, lambda: queue.add_if_stalled(stage.deps))
    stage.run(9.0)
    assert (stage.threads.count(EXTRA), queue._extra, settled.put.call_count) == (4, 0, 8)


def test_extra_senders_are_bounded(stage: VirtualStage, sends: Sends):
    with mock.patch.object(senders, "MAX_EXTRA_SENDERS", 5):
        queue, _ = two_senders(stage)
        sends.takes = 100.0
        stage.at(0.0, lambda: put_all(queue, [stage.delivery(0.0) for _ in range(30)], stage.deps))
        stage.at(0.0, lambda: watch_stall(stage, queue))
        stage.run(4.0)
    assert (stage.threads.count(EXTRA), queue._extra, len(sends.begun)) == (5, 5, 7)
    assert MAX_EXTRA_SENDERS == 256


def test_claimed_delivery_is_sent_though_no_extra_sender_can_be_started(stage: VirtualStage, sends: Sends):
    queue, settled = two_senders(stage)
    sends.takes = 1.0
    many, one = [stage.delivery(0.0) for _ in range(4)], stage.delivery(0.0, owner="bob")
    stage.at(1.0, lambda: put_all(queue, many, stage.deps))
    put: list[bool] = []

    def put_without_threads() -> None:
        with mock.patch(f"{senders.__name__}.threading.Thread", side_effect=RuntimeError("no thread")) as thread:
            queue.put(stage.deps, one)
            put.append(thread.called)

    stage.at(1.5, put_without_threads)
    stage.run(9.0)
    assert put == [True]
    assert (settled.put.call_count, queue._extra, queue._in_hand) == (5, 0, {})


def test_owner_below_its_share_gets_an_extra_sender_at_once(stage: VirtualStage, sends: Sends):
    queue, _ = two_senders(stage)
    sends.takes = 1.0
    stage.at(1.0, lambda: put_all(queue, [stage.delivery(0.0) for _ in range(4)], stage.deps))
    stage.at(1.5, lambda: queue.put(stage.deps, stage.delivery(0.0, owner="bob")))
    stage.run(1.6)
    assert (stage.threads.count(EXTRA), sends.begun[-1]) == (1, (1.5, "post-5"))


def extra_after(stage: VirtualStage, queue: Senders, owners: str) -> int:
    """Queue a delivery for each owner, a letter each, at its own moment. Return how many extra senders have started."""
    for number, owner in enumerate(owners):
        delivery = stage.delivery(0.0, owner=owner)
        stage.at(1.0 + number / 100, lambda delivery=delivery: queue.put(stage.deps, delivery))  # type: ignore[misc]
    stage.run(1.2)
    return stage.threads.count(EXTRA)


@pytest.mark.parametrize(
    ("count", "owners", "extra"),
    [
        (4, "aaab", 0),  # a sender is free, though one owner has more than its share
        (2, "aaaab", 1),
        (2, "aaaabb", 1),  # the second one is above its owner's share
        (2, "acb", 0),  # nobody has more than its share
        (1, "aaaaa", 0),  # nobody else is there
    ],
)
def test_extra_sender_comes_for_an_owner_below_its_share_alone(
    stage: VirtualStage, sends: Sends, count: int, owners: str, extra: int
):
    queue, sends.takes = Senders(count, mock.Mock()), 10.0
    for _ in range(count):
        stage.forever(queue.send_next)
    assert extra_after(stage, queue, owners) == extra


def test_extra_senders_for_owners_below_their_share_are_bounded(stage: VirtualStage, sends: Sends):
    queue, _ = two_senders(stage)
    sends.takes = 10.0
    with mock.patch.object(senders, "MAX_EXTRA_SENDERS", 1), mock.patch.object(senders, "MAX_FAIR_SENDERS", 1):
        assert extra_after(stage, queue, "aaaabcd") == 2
    assert senders.MAX_FAIR_SENDERS == 64


def test_sender_takes_next_from_the_owner_with_fewest_sends(stage: VirtualStage, sends: Sends):
    queue = Senders(1, mock.Mock())
    mine, others = [stage.delivery(0.0) for _ in range(3)], [stage.delivery(0.0, owner="bob") for _ in range(2)]
    put_all(queue, [*mine, *others], stage.deps)
    stage.forever(queue.send_next)
    stage.run(1.0)
    assert [post for _, post in sends.begun] == ["post-1", "post-4", "post-2", "post-5", "post-3"]
    assert (queue.backlog, queue._queues, queue._in_hand, queue._sending_of) == (0, {}, {}, {})


def test_owners_with_fewer_in_hand_than_their_share_are_below_it(stage: VirtualStage):
    queue = Senders(4, mock.Mock())
    assert queue.below_share(["ann", "bob"]) == {"ann", "bob"}
    put_all(queue, [stage.delivery(0.0) for _ in range(2)], stage.deps)
    put_all(queue, [stage.delivery(0.0, owner="bob")], stage.deps)
    assert queue.below_share(["ann", "bob", "eve"]) == {"bob", "eve"}


def test_share_is_in_whole_senders_and_a_lone_owner_has_all(stage: VirtualStage):
    queue = Senders(4, mock.Mock())
    put_all(queue, [stage.delivery(0.0) for _ in range(3)], stage.deps)
    assert queue.below_share(["ann"]) == {"ann"}
    put_all(queue, [stage.delivery(0.0, owner=owner) for owner in ("bob", "eve")], stage.deps)
    assert queue.below_share(["ann", "bob", "eve"]) == set()
