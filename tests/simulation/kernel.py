"""The virtual clock and the actors under it: one seeded queue of events, one actor at a time, no real time at all.

Every actor runs in a thread of its own that holds the baton while it works, and hands it back whenever it lets time
pass. What happens next is decided by the queue alone, so a seed is one story. A dead actor is thrown `Death` at its
next effect and at every one after it, so that nothing it would still do is done: as a process that was killed.
"""

from __future__ import annotations

import functools
import heapq
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SECOND = 1_000_000  # virtual time is whole microseconds since EPOCH


class Death(BaseException):
    """The process of this actor is gone. No `except Exception` may hold it up."""


class Worker(threading.Thread):
    """A thread that plays one actor after another; it moves only while it has the baton."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(daemon=True)
        self._kernel = kernel
        self.go = threading.Lock()
        self.go.acquire()
        self.job: Callable[[], None] | None = None

    def run(self) -> None:
        while True:
            self.go.acquire()
            if self.job is None:
                return
            self.job()
            self.job = None
            self._kernel.idle.append(self)
            self._kernel.baton.release()


class Actor:
    """One process's work on one instance: a request, a delivery, a sweep. `notes` is what the rules know of it."""

    def __init__(self, name: str, instance: int, work: Callable[[], Any], parent: Actor | None = None) -> None:
        self.name = name
        self.instance = instance
        self.work = work
        self.root: Actor = parent.root if parent else self
        self.worker: Worker | None = None
        self.dead = False
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.on_end: list[Callable[[], None]] = []
        self.notes: dict[str, Any] = {}


class Kernel:
    """`now` is true time. Threads are kept from one run to the next; `reset` begins a new story."""

    def __init__(self) -> None:
        self.idle: list[Worker] = []
        self.baton = threading.Lock()
        self.baton.acquire()
        self.reset(random.Random(0))

    def reset(self, rng: random.Random) -> None:
        self.rng = rng
        self.now = 0
        self.current: Actor | None = None
        self.alive: dict[Actor, None] = {}
        self.horizon = 0
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0

    def instant(self, offset: int = 0) -> datetime:
        return EPOCH + timedelta(microseconds=self.now + offset)

    def at(self, when: int, what: Callable[[], None]) -> None:
        """Let `what` happen at `when`, or now if that has passed. Equal instants keep the order they were asked in."""
        self._sequence += 1
        heapq.heappush(self._queue, (max(when, self.now), self._sequence, what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self.at(self.now + round(seconds * SECOND), what)

    def spawn(self, actor: Actor, delay: float = 0.0) -> Actor:
        self.alive[actor] = None
        self.after(delay, lambda: self._resume(actor))
        return actor

    def run(self, until: int, ended: Callable[[], bool] = lambda: False) -> None:
        """Play events up to `until`, or to the first after which the story has `ended`."""
        self.horizon = until
        while self._queue and self._queue[0][0] <= until and not ended():
            self.now, _, what = heapq.heappop(self._queue)
            what()
        self.now = max(self.now, until) if not ended() else self.now

    def pause(self, seconds: float) -> None:
        """Called by an actor: let this much time pass for it."""
        self.pause_until(self.now + max(0, round(seconds * SECOND)))

    def pause_until(self, when: int) -> None:
        actor = self.current
        assert actor is not None
        if actor.dead:
            raise Death
        if when <= self.horizon and (not self._queue or self._queue[0][0] > when):
            self.now = max(self.now, when)  # nothing happens before: the baton need not change hands
            return
        self.at(when, lambda: self._resume(actor))
        self._give_back(actor)

    def join(self, children: list[Actor]) -> None:
        """Called by an actor: wait for these, which it has begun."""
        actor = self.current
        assert actor is not None
        waiting = [child for child in children if not child.done]
        if not waiting:
            return
        left = len(waiting)

        def one_less() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                self.at(self.now, lambda: self._resume(actor))

        for child in waiting:
            child.on_end.append(one_less)
        self._give_back(actor)

    def kill(self, root: Actor) -> None:
        """This process is gone, with everything it had begun. Whoever of it waits will never wake."""
        for actor in [actor for actor in self.alive if actor.root is root]:
            actor.dead = True
            if actor is not self.current:
                self.at(self.now, functools.partial(self._resume, actor))

    def end(self) -> None:
        """Everybody still at work dies, so that the threads are free for the next story."""
        self._queue.clear()
        while self.alive:
            actor = next(iter(self.alive))
            actor.dead = True
            self._resume(actor)

    def dismiss(self) -> None:
        """The idle threads go home."""
        while self.idle:
            worker = self.idle.pop()
            worker.go.release()
            worker.join()

    def _resume(self, actor: Actor) -> None:
        if actor.done:
            return
        if actor.worker is None:
            if actor.dead:
                self._finish(actor)
                return
            actor.worker = self._worker()
            actor.worker.job = lambda: self._play(actor)
        before, self.current = self.current, actor
        actor.worker.go.release()
        self.baton.acquire()
        self.current = before

    def _worker(self) -> Worker:
        if self.idle:
            return self.idle.pop()
        worker = Worker(self)
        worker.start()
        return worker

    def _play(self, actor: Actor) -> None:
        try:
            actor.result = actor.work()
        except BaseException as error:
            actor.error = error
        self._finish(actor)

    def _finish(self, actor: Actor) -> None:
        actor.done = True
        self.alive.pop(actor, None)
        for told in actor.on_end:
            told()

    def _give_back(self, actor: Actor) -> None:
        worker = actor.worker
        assert worker is not None
        self.baton.release()
        worker.go.acquire()
        if actor.dead:
            raise Death
