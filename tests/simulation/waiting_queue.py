"""Stand-ins around the waiting queue: claims and senders, for tests of the queue alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from unittest import mock

from app.domain.delivery import Dispatched, ReadyDelivery
from tests.simulation.kernel import EPOCH
from tests.simulation.stage import VirtualStage

LOST = Dispatched("ignored", "busy")


class Claims:
    """Stands for `claim`: notes each call's second, group and instant, and answers from `answers`, else with wins."""

    def __init__(self, stage: VirtualStage) -> None:
        self.stage = stage
        self.calls: list[tuple[float, list[str], float | None]] = []
        self.answers: list[Any] = []

    def __call__(self, deps: Any, group: Any, at: Any, *, skip_locked: bool) -> Any:
        assert (deps, skip_locked) == (self.stage.deps, True)
        instant = None if at is None else (at - EPOCH).total_seconds()
        self.calls.append((self.stage.seconds, [delivery.post.id for delivery in group], instant))
        answer = self.answers.pop(0) if self.answers else [None] * len(group)
        if isinstance(answer, Exception):
            raise answer
        return answer


class StandInSenders:
    """Stands for Senders. `backlog` and the owners `below` their share are set by the test."""

    def __init__(self) -> None:
        self.count = 2
        self.backlog = 0
        self.below: set[str] = set()
        self.looked_at: Callable[[], None] = lambda: None
        self.on_finished: Callable[[], None] = lambda: None
        self.put = mock.Mock()
        self.add_if_stalled = mock.Mock()

    @property
    def has_room(self) -> bool:
        return self.backlog <= self.count

    def below_share(self, owners: Iterable[str]) -> set[str]:
        below = self.below & set(owners)
        self.looked_at()
        return below


def ids(*deliveries: ReadyDelivery) -> list[str]:
    return [delivery.post.id for delivery in deliveries]


def sent(senders: StandInSenders) -> list[str]:
    return [call.args[1].post.id for call in senders.put.call_args_list]


def with_room(stage: VirtualStage, in_flight: Any) -> Any:
    """Let the stage have these sends in flight."""
    stage.deps.__dict__["in_flight"] = in_flight
    return in_flight


def until(delivery: ReadyDelivery, seconds: float) -> ReadyDelivery:
    """Let the delivery wait for room until this second."""
    delivery.claim_by = EPOCH + timedelta(seconds=seconds)
    return delivery


def groups(claims: Claims) -> list[tuple[float, list[str]]]:
    return [(when, group) for when, group, _ in claims.calls]


def answered(stage: VirtualStage, senders: StandInSenders, delivery: ReadyDelivery) -> Callable[[], None]:
    """Return a call that counts a delivery out as a sender does after its send."""

    def finish() -> None:
        stage.deps.in_flight.leave(delivery)
        senders.on_finished()

    return finish
