"""Stand-ins for `threading`, `queue`, `time` and Future in the gate's modules, on the kernel's virtual time.

The gate's code runs as it is. Invariant: actors change places at these calls alone, by the seed's random numbers, so a
seed always gives the same order of the gate's threads.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol
from unittest import mock

from app.domain import seats
from app.domain.seats import Seats
from tests.simulation.kernel import SECOND, Actor, Kernel

MIN_SLEEP_SECONDS = 0.0001  # a loop that polls a clock must let time pass


class Stage(Protocol):
    """The world, as the stand-ins need it."""

    kernel: Kernel

    def yield_now(self) -> None:
        """Let other actors run for a moment, or not."""

    def start_thread(self, name: str, work: Callable[[], None]) -> Actor:
        """Start a thread in the calling actor's process."""


class Lock:
    """threading.Lock as a context manager."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._held = False
        self._waiting: list[Callable[[], None]] = []

    def __enter__(self) -> None:
        self._stage.yield_now()
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self) -> None:
        while self._held:
            self._stage.kernel.wait(self._waiting)
        self._held = True

    def release(self) -> None:
        self._held = False
        if self._waiting:
            self._waiting.pop(0)()


class Condition(Lock):
    """threading.Condition, with a lock that its holder may acquire again."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._holder: Actor | None = None
        self._depth = 0
        self._sleeping: list[Callable[[], None]] = []

    def acquire(self) -> None:
        if not (self._held and self._holder is self._stage.kernel.current):
            super().acquire()
            self._holder = self._stage.kernel.current
        self._depth += 1

    def release(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._holder = None
            super().release()

    def wait(self, timeout: float | None = None) -> bool:
        assert self._depth == 1
        self.release()
        notified = self._stage.kernel.wait(self._sleeping, timeout)
        self.acquire()
        return notified

    def notify(self) -> None:
        if self._sleeping:
            self._sleeping.pop(0)()


class SimpleQueue:
    """queue.SimpleQueue."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._items: deque[Any] = deque()
        self._waiting: list[Callable[[], None]] = []

    def put(self, item: Any) -> None:
        self._items.append(item)
        if self._waiting:
            self._waiting.pop(0)()
        self._stage.yield_now()

    def get(self, timeout: float | None = None) -> Any:
        while not self._items:
            if not self._stage.kernel.wait(self._waiting, timeout) and not self._items:
                raise queue.Empty
        return self._items.popleft()

    def empty(self) -> bool:
        return not self._items

    def qsize(self) -> int:
        return len(self._items)


class VirtualFuture(Future[Any]):
    """A Future whose `result` waits in virtual time."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def result(self, timeout: float | None = None) -> Any:
        waiting: list[Callable[[], None]] = []
        if not self.done():
            self.add_done_callback(lambda _: [call() for call in waiting])
            self._stage.kernel.wait(waiting, timeout)
        return super().result(timeout=0)


class Threading:
    """The module `threading`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def Lock(self) -> Lock:
        return Lock(self._stage)

    def Condition(self) -> Condition:
        return Condition(self._stage)

    def Thread(self, *, target: Callable[..., None], args: Any, name: str, daemon: bool) -> _Thread:
        assert daemon
        return _Thread(self._stage, name, lambda: target(*args))


class _Thread:
    def __init__(self, stage: Stage, name: str, work: Callable[[], None]) -> None:
        self._stage, self._name, self._work = stage, name, work

    def start(self) -> None:
        self._stage.start_thread(self._name, self._work)


class Queue:
    """The module `queue`."""

    Empty = queue.Empty

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def SimpleQueue(self) -> SimpleQueue:
        return SimpleQueue(self._stage)


class Time:
    """The module `time`. `slept` is called before each sleep."""

    def __init__(self, stage: Stage, slept: Callable[[], None] = lambda: None) -> None:
        self._kernel = stage.kernel
        self._slept = slept

    def monotonic(self) -> float:
        return self._kernel.now / SECOND

    def sleep(self, seconds: float) -> None:
        self._slept()
        self._kernel.pause(max(seconds, MIN_SLEEP_SECONDS))


def virtual_seats(stage: Stage, count: int) -> Seats:
    """Return the app's seats with a virtual lock, so actors change places there too."""
    with mock.patch.object(seats, "threading", Threading(stage)):
        return Seats(count)
