"""The gate's senders, settler and replies, each alone on virtual threads."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from app.delivery.gate import replies, senders, settler, waiting
from app.delivery.gate.gate import Gate
from app.delivery.gate.replies import MAX_REPLIES, MAX_REPLY_DELAY_SECONDS, POLL_SECONDS, REPLIES_AT_ONCE, Replies
from app.delivery.gate.senders import MAX_EXTRA_SENDERS, STALLED_AFTER_SECONDS, Senders
from app.delivery.gate.settler import MAX_SETTLED, Settler
from app.delivery.settle import SettledGroup
from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched, ReadyDelivery
from app.domain.errors import Unavailable
from app.domain.outcomes import Outcome, Verdict
from tests.simulation.kernel import EPOCH
from tests.simulation.stage import ACCEPTED, VirtualStage

DISPATCHED = Dispatched("dispatched")
UNTIL = EPOCH + timedelta(seconds=480)
EXTRA = "gate_extra_sender"


class Sends:
    """Stands for `send`: each one takes `takes` seconds and ends with `verdict`, or raises it."""

    def __init__(self, stage: VirtualStage) -> None:
        self.stage = stage
        self.takes = 0.0
        self.verdict: Any = ACCEPTED
        self.begun: list[tuple[float, str]] = []

    def __call__(self, deps: Any, delivery: ReadyDelivery) -> None:
        assert deps is self.stage.deps
        self.begun.append((self.stage.seconds, delivery.post.id))
        self.stage.kernel.pause(self.takes)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        delivery.verdict = self.verdict


@pytest.fixture
def sends(stage: VirtualStage) -> Iterator[Sends]:
    made = Sends(stage)
    with mock.patch.object(senders, "send", made):
        yield made


def two_senders(stage: VirtualStage) -> tuple[Senders, mock.Mock]:
    settled = mock.Mock()
    made = Senders(2, settled)
    for _ in range(2):
        stage.forever(made.send_next)
    return made, settled


def put_all(queue: Any, deliveries: list[ReadyDelivery]) -> None:
    for delivery in deliveries:
        queue.put(delivery)


def test_accepted_send_is_settled_and_its_caller_waits_on(stage: VirtualStage, sends: Sends):
    queue, settled = two_senders(stage)
    delivery = stage.delivery(0.0)
    stage.at(1.0, lambda: queue.put(delivery))
    stage.run(2.0)
    assert (sends.begun, settled.put.call_args_list) == ([(1.0, "post-1")], [mock.call(delivery)])
    assert (delivery.future.done(), queue.backlog) == (False, 0)


@pytest.mark.parametrize("verdict", [Verdict(Outcome.TRANSIENT, "busy", ""), Verdict(Outcome.UNKNOWN), None])
def test_other_send_is_settled_by_its_caller(stage: VirtualStage, sends: Sends, verdict: Verdict | None):
    queue, settled = two_senders(stage)
    delivery, sends.verdict = stage.delivery(0.0), verdict
    stage.at(0.0, lambda: queue.put(delivery))
    stage.run(1.0)
    assert (delivery.future.result(), settled.put.call_count) == (None, 0)


def test_exception_of_a_send_reaches_its_caller_and_the_sender_goes_on(stage: VirtualStage, sends: Sends):
    queue, settled = two_senders(stage)
    deliveries, sends.verdict = [stage.delivery(0.0) for _ in range(3)], RuntimeError("simulated")
    stage.at(0.0, lambda: put_all(queue, deliveries))
    stage.run(1.0)
    assert [type(delivery.future.exception()) for delivery in deliveries] == [RuntimeError] * 3
    assert settled.put.call_count == 0


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
    stage.at(1.0, lambda: put_all(queue, deliveries))
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
    stage.at(0.0, lambda: put_all(queue, [stage.delivery(0.0) for _ in range(3)]))
    stage.at(STALLED_AFTER_SECONDS, lambda: queue.add_if_stalled(stage.deps))
    stage.run(STALLED_AFTER_SECONDS + 0.1)
    assert EXTRA not in stage.threads
    stage.at(STALLED_AFTER_SECONDS + 0.101, lambda: queue.add_if_stalled(stage.deps))
    stage.run(STALLED_AFTER_SECONDS + 0.2)
    assert stage.threads.count(EXTRA) == 2


def test_senders_are_not_added_after_a_send_that_has_just_finished(stage: VirtualStage, sends: Sends):
    queue, _ = two_senders(stage)
    sends.takes = 0.2
    stage.at(1.0, lambda: put_all(queue, [stage.delivery(0.0) for _ in range(20)]))
    stage.at(1.0, lambda: watch_stall(stage, queue, 1.21))  # the first ones have finished by then
    stage.run(2.9)
    assert EXTRA not in stage.threads


@pytest.mark.parametrize("count", [1, 2])
def test_senders_are_not_added_while_one_is_free_or_nothing_is_queued(stage: VirtualStage, sends: Sends, count: int):
    queue, _ = two_senders(stage)
    sends.takes = 10.0
    stage.at(0.0, lambda: put_all(queue, [stage.delivery(0.0) for _ in range(count)]))
    stage.at(1.0, lambda: watch_stall(stage, queue, 1.01))
    stage.run(3.0)
    assert EXTRA not in stage.threads


def test_senders_are_not_added_while_an_extra_one_is_free(stage: VirtualStage):
    queue = Senders(2, mock.Mock())
    queue._extra, queue._sending, queue._finished_at = 2, {stage.delivery(0.0) for _ in range(3)}, -9.0
    stage.at(0.0, lambda: queue.put(stage.delivery(0.0)))
    stage.at(0.1, lambda: queue.add_if_stalled(stage.deps))
    stage.run(1.0)
    assert EXTRA not in stage.threads


def test_extra_senders_end_when_idle_and_may_come_again(stage: VirtualStage, sends: Sends):
    queue, settled = two_senders(stage)
    sends.takes = 1.0
    deliveries = [stage.delivery(0.0) for _ in range(8)]
    stage.at(1.0, lambda: put_all(queue, deliveries[:4]))
    stage.at(1.3, lambda: queue.add_if_stalled(stage.deps))
    stage.run(4.0)
    assert (stage.threads.count(EXTRA), queue._extra, settled.put.call_count) == (2, 0, 4)
    stage.at(5.0, lambda: put_all(queue, deliveries[4:]))
    stage.at(5.3, lambda: queue.add_if_stalled(stage.deps))
    stage.run(9.0)
    assert (stage.threads.count(EXTRA), queue._extra, settled.put.call_count) == (4, 0, 8)


def test_extra_senders_are_bounded(stage: VirtualStage, sends: Sends):
    with mock.patch.object(senders, "MAX_EXTRA_SENDERS", 5):
        queue, _ = two_senders(stage)
        sends.takes = 100.0
        stage.at(0.0, lambda: put_all(queue, [stage.delivery(0.0) for _ in range(30)]))
        stage.at(0.0, lambda: watch_stall(stage, queue))
        stage.run(4.0)
    assert (stage.threads.count(EXTRA), queue._extra, len(sends.begun)) == (5, 5, 7)
    assert MAX_EXTRA_SENDERS == 256


def reply_of(delivery: ReadyDelivery, leased: bool = True) -> Any:
    return (delivery, DISPATCHED, (delivery.post, UNTIL) if leased else None)


class Settles:
    """Stands for `settle_accepted`. Posts in `left` stay unsettled, posts in `ended` have no lease to arm."""

    def __init__(self, stage: VirtualStage) -> None:
        self.stage = stage
        self.groups: list[list[str]] = []
        self.left: set[str] = set()
        self.ended: set[str] = set()
        self.error: Exception | None = None

    def __call__(self, deps: Any, group: Any) -> SettledGroup:
        assert deps is self.stage.deps
        assert all((one.verdict, one.sent_at, one.circuit) == (ACCEPTED, EPOCH, Breaker()) for one in group)
        self.groups.append([one.post.id for one in group])
        if self.error is not None:
            raise self.error
        free = [one.post for one in group if one.post.id not in self.left | self.ended]
        return SettledGroup({one.post.id for one in group} & self.left, [(post, UNTIL) for post in free])


@pytest.fixture
def settles(stage: VirtualStage) -> Iterator[Settles]:
    made = Settles(stage)
    with mock.patch.object(settler, "settle_accepted", made):
        yield made


def settle_all(stage: VirtualStage, deliveries: list[ReadyDelivery]) -> list[Any]:
    """Let a settler pass its replies on. Return them."""
    passed = mock.Mock()
    queue = Settler(passed)
    put_all(queue, deliveries)
    stage.forever(queue.settle_next)
    stage.run(1.0)
    return [call.args[0] for call in passed.put.call_args_list]


def test_sends_of_a_moment_are_settled_in_one_group(stage: VirtualStage, settles: Settles):
    deliveries = [stage.accepted() for _ in range(MAX_SETTLED + 2)]
    settles.ended = {"post-2"}
    assert settle_all(stage, deliveries) == [reply_of(d, leased=d.post.id != "post-2") for d in deliveries]
    assert [len(group) for group in settles.groups] == [MAX_SETTLED, 2]
    assert not any(delivery.future.done() for delivery in deliveries)


def test_member_that_cannot_be_settled_is_given_back_to_its_caller(stage: VirtualStage, settles: Settles):
    first, left, last = deliveries = [stage.accepted() for _ in range(3)]
    settles.left = {left.post.id}
    assert settle_all(stage, deliveries) == [reply_of(first), reply_of(last)]
    assert (left.future.result(), first.future.done(), last.future.done()) == (None, False, False)


def test_group_that_cannot_be_settled_is_given_back_to_its_callers(stage: VirtualStage, settles: Settles):
    deliveries, settles.error = [stage.accepted() for _ in range(3)], Unavailable()
    assert settle_all(stage, deliveries) == []
    assert [delivery.future.result() for delivery in deliveries] == [None] * 3


class Answers:
    """Replies with a busy flag, and the second of each answer by post."""

    def __init__(self, stage: VirtualStage) -> None:
        self.stage = stage
        self.busy = False
        self.asked: list[Any] = []
        self.at: dict[str, float] = {}
        self.queue = Replies(self.is_busy)

    def is_busy(self, deps: Any) -> bool:
        self.asked.append(deps)
        return self.busy

    def put(self, delivery: ReadyDelivery, leased: bool = True) -> None:
        delivery.future.add_done_callback(lambda _: self.at.setdefault(delivery.post.id, self.stage.seconds))
        self.queue.put(reply_of(delivery, leased))


@pytest.fixture
def answers(stage: VirtualStage) -> Answers:
    made = Answers(stage)
    stage.forever(made.queue.reply_next)
    return made


@pytest.fixture
def armed() -> Iterator[mock.Mock]:
    with mock.patch.object(replies, "arm_lease_ends") as made:
        yield made


def test_replies_of_a_moment_are_armed_together_and_answered(stage: VirtualStage, answers: Answers, armed: mock.Mock):
    deliveries = [stage.delivery(0.0) for _ in range(3)]
    stage.call_for_each(1.0, lambda d: answers.put(d, leased=d is not deliveries[1]), deliveries)
    stage.run(2.0)
    assert [delivery.future.result() for delivery in deliveries] == [DISPATCHED] * 3
    armed.assert_called_once_with(stage.deps, [(d.post, UNTIL) for d in (deliveries[0], deliveries[2])])
    assert (set(answers.at.values()), answers.asked) == ({1.0}, [stage.deps])


@pytest.mark.parametrize(("quiet_at", "answered_at"), [(1.499, 1.5), (9.0, 1.0 + MAX_REPLY_DELAY_SECONDS)])
def test_replies_wait_for_a_quiet_moment_and_for_a_second_at_most(
    stage: VirtualStage, answers: Answers, armed: mock.Mock, quiet_at: float, answered_at: float
):
    answers.busy = True
    stage.at(1.0, lambda: answers.put(stage.delivery(0.0)))
    stage.at(quiet_at, lambda: setattr(answers, "busy", False))
    stage.run(9.5)
    assert answers.at["post-1"] == answered_at
    assert len(answers.asked) == round((answered_at - 1.0) / POLL_SECONDS) + 1


def test_replies_come_sixteen_at_once_and_a_hundred_in_a_group(stage: VirtualStage, answers: Answers, armed: mock.Mock):
    deliveries = [stage.delivery(0.0) for _ in range(MAX_REPLIES + 1)]
    stage.call_for_each(0.0, answers.put, deliveries)
    stage.run(1.0)
    assert [len(call.args[1]) for call in armed.call_args_list] == [MAX_REPLIES, 1]
    ticks = [round(answers.at[delivery.post.id] / POLL_SECONDS) for delivery in deliveries[:MAX_REPLIES]]
    assert ticks == [number // REPLIES_AT_ONCE for number in range(MAX_REPLIES)]


def test_callers_are_answered_though_their_alarms_cannot_be_armed(
    stage: VirtualStage, answers: Answers, armed: mock.Mock
):
    armed.side_effect = RuntimeError("simulated")
    delivery = stage.delivery(0.0)
    stage.at(0.0, lambda: answers.put(delivery))
    stage.run(1.0)
    assert delivery.future.result() == DISPATCHED


def test_first_answer_of_a_group_waits_until_its_last_send_has_begun(
    stage: VirtualStage, sends: Sends, settles: Settles, armed: mock.Mock
):
    gate, sends.takes = Gate(senders=1), 0.2
    deliveries = [stage.accepted() for _ in range(3)]
    answered: list[float] = []

    def deliver(delivery: ReadyDelivery) -> None:
        assert gate.deliver(stage.deps, delivery) == DISPATCHED
        answered.append(stage.seconds)

    unstalled = mock.patch.object(senders, "STALLED_AFTER_SECONDS", 10.0)
    with unstalled, mock.patch.object(waiting, "claim", lambda _deps, group, _at, **_: [None] * len(group)):
        for delivery in deliveries:
            stage.at(1.0, lambda delivery=delivery: deliver(delivery))  # type: ignore[misc]
        stage.run(3.0)
    assert [when for when, _ in sends.begun] == [1.0, 1.2, 1.4]
    assert answered == [pytest.approx(1.4, abs=0.003)] * 2 + [pytest.approx(1.6, abs=0.003)]
