"""A stage for the gate's parts alone: virtual threads, a clock that can be set, and deliveries without a database."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from app.delivery import claim
from app.delivery.gate import gate, replies, senders, settler, waiting
from app.delivery.seats import take_seat
from app.deps import Deps
from app.domain.breaker import Breaker
from app.domain.delivery import ReadyDelivery, StopRequest
from app.domain.in_flight import InFlight
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Post
from tests.simulation.kernel import EPOCH, SECOND, Actor, Kernel
from tests.simulation.threads import Queue, Threading, Time, VirtualFuture, virtual_seats

ACCEPTED = Verdict(Outcome.ACCEPTED, http_status=200)


class VirtualClock:
    """ports.Clock on the kernel's time. `ahead` is its error in seconds."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.ahead = 0.0

    def now(self) -> datetime:
        return self._kernel.instant(round(self.ahead * SECOND))

    def sleep_until(self, instant: datetime) -> None:
        while (left := (instant - self.now()).total_seconds()) > 0:
            self._kernel.pause(left)


class VirtualStage:
    """The kernel, its threads by name, and `deps` with everything that the gate's parts read."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.kernel.reset(random.Random(0))
        self.clock = VirtualClock(self.kernel)
        self.threads: list[str] = []
        self.seats = virtual_seats(self, 64)
        self.stop = StopRequest()
        self.publisher = mock.Mock()
        publishers = (self.publisher,)
        parts = SimpleNamespace(
            clock=self.clock, seats=self.seats, stop=self.stop, publishers=publishers, in_flight=InFlight()
        )
        self.deps = cast(Deps, parts)
        self.yield_odds = 0.0
        self._posts = 0

    def yield_now(self) -> None:
        """Let other actors run for a moment, by the odds."""
        if self.yield_odds and self.kernel.current is not None and self.kernel.rng.random() < self.yield_odds:
            self.kernel.pause(0.002 * self.kernel.rng.random())

    def start_thread(self, name: str, work: Callable[[], None]) -> Actor:
        self.threads.append(name)
        return self.kernel.spawn(Actor(name, 0, work, daemon=True))

    def forever(self, work: Callable[[Deps], None]) -> Actor:
        """Call `work` again and again in a thread."""

        def repeat() -> None:
            while True:
                work(self.deps)

        return self.start_thread("repeats", repeat)

    def at(self, seconds: float, what: Callable[[], object]) -> None:
        """Call `what` as an actor of its own at this second."""
        self.kernel.at(round(seconds * SECOND), lambda: self._act(what))

    def call_for_each(self, seconds: float, what: Callable[[Any], object], deliveries: Sequence[ReadyDelivery]) -> None:
        """Call `what` with each delivery at this second, in one actor."""

        def call_all() -> None:
            for delivery in deliveries:
                what(delivery)

        self.at(seconds, call_all)

    def run(self, until: float) -> None:
        self.kernel.run(round(until * SECOND))

    def delivery(self, due: float, *, seat: bool = False, owner: str = "ann") -> ReadyDelivery:
        """Return a delivery that is due at this second."""
        self._posts += 1
        post = cast(Post, SimpleNamespace(id=f"post-{self._posts}", generation=1, attempt=0, user_id=owner))
        return self._deliver(post, due, seat=seat)

    def duplicate(self, delivery: ReadyDelivery, *, seat: bool = False) -> ReadyDelivery:
        """Return another delivery of the same post and instant."""
        return self._deliver(delivery.post, (delivery.due - EPOCH).total_seconds(), seat=seat)

    def _deliver(self, post: Post, due: float, *, seat: bool) -> ReadyDelivery:
        made = ReadyDelivery(post, EPOCH + timedelta(seconds=due), "message", None, "", Breaker())
        made.future = VirtualFuture(self)
        if seat:
            made.seat = take_seat(self.deps, post)
            assert made.seat is not None
        return made

    def accepted(self) -> ReadyDelivery:
        """Return a delivery that n8n has accepted."""
        made = self.delivery(0.0)
        made.claimed, made.verdict = made.post, ACCEPTED
        made.sent_at = made.answered_at = self.clock.now()
        return made

    def emit(self, _event: str, **_fields: object) -> None:
        """Stand for the gate's log. A thread that fails again and again lets time pass."""
        if self.kernel.current is not None:
            self.kernel.pause(0.1)

    @property
    def seconds(self) -> float:
        return self.kernel.now / SECOND

    def _act(self, what: Callable[[], object]) -> None:
        self.kernel.spawn(Actor("acts", 0, what))


def put_all(queue: Any, deliveries: list[ReadyDelivery], *deps: Deps) -> None:
    for delivery in deliveries:
        queue.put(*deps, delivery)


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


@contextmanager
def virtual_stage() -> Iterator[VirtualStage]:
    """Let the gate's modules run on a stage of their own."""
    stage = VirtualStage()
    threads, queue, time = Threading(stage), Queue(stage), Time(stage)
    patches: list[tuple[Any, str, Any]] = [
        (gate, "emit", stage.emit),
        *((module, "threading", threads) for module in (gate, waiting, senders)),
        *((module, "queue", queue) for module in (senders, settler, replies)),
        *((module, "time", time) for module in (senders, replies, claim)),
    ]
    with ExitStack() as stack:
        for owner, name, stand_in in patches:
            stack.enter_context(mock.patch.object(owner, name, stand_in))
        try:
            yield stage
        finally:
            stage.kernel.end()
            stage.kernel.stop_threads()
