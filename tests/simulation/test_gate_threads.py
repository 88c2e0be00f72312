"""The gate's settler and replies on virtual threads, and all threads of a gate together."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from app.delivery.gate import replies, senders, settler, waiting
from app.delivery.gate.gate import Gate
from app.delivery.gate.replies import MAX_REPLIES, MAX_REPLY_DELAY_SECONDS, POLL_SECONDS, REPLIES_AT_ONCE, Replies
from app.delivery.gate.settler import MAX_SETTLED, Settler
from app.delivery.settle import SettledGroup
from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched, ReadyDelivery
from app.domain.errors import Unavailable
from tests.simulation.kernel import EPOCH
from tests.simulation.stage import ACCEPTED, Sends, VirtualStage, put_all

DISPATCHED = Dispatched("dispatched")
UNTIL = EPOCH + timedelta(seconds=480)


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
        assert all((one.verdict, one.circuit) == (ACCEPTED, Breaker()) for one in group)
        assert all((one.sent_at, one.answered_at) == (EPOCH, EPOCH) for one in group)
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


def test_replies_after_the_first_ones_wait_for_a_quiet_moment_too(
    stage: VirtualStage, answers: Answers, armed: mock.Mock
):
    deliveries = [stage.delivery(0.0) for _ in range(REPLIES_AT_ONCE + 1)]
    stage.call_for_each(1.0, answers.put, deliveries)
    stage.at(1.001, lambda: setattr(answers, "busy", True))
    stage.run(9.0)
    assert [answers.at[delivery.post.id] for delivery in deliveries] == [1.0] * REPLIES_AT_ONCE + [2.0]
    assert all(deps is stage.deps for deps in answers.asked)


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
