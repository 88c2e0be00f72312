"""The virtual clock and its actors: one seeded event queue, one running actor, no real time.

Every actor runs in its own thread. It holds the baton while it runs and returns it whenever it lets time pass.
Invariant: the queue alone decides the next event, so a seed always gives the same run. A dead actor gets `Killed`
raised at its next effect and at every later one, so it has no further effect, like a killed process.
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


class Killed(BaseException):
    """The process of this actor was killed. A BaseException, so `except Exception` cannot catch it."""


class Worker(threading.Thread):
    """A thread that runs one actor after another. It runs only while it holds the baton."""

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
    """The work of one process on one instance, such as a request, delivery or sweep. Rules read `notes`.

    A `daemon` waits for work for ever, like a thread of the gate. `began_at` is the true instant of its start in µs.
    `began_ahead` says that its host's clock was ahead when its transaction last looked at it.
    """

    def __init__(
        self, name: str, instance: int, work: Callable[[], Any], parent: Actor | None = None, *, daemon: bool = False
    ) -> None:
        self.name = name
        self.instance = instance
        self.work = work
        self.root: Actor = parent.root if parent else self
        self.daemon = daemon
        self.began_at = 0
        self.began_ahead = False
        self.worker: Worker | None = None
        self.dead = False
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.on_end: list[Callable[[], None]] = []
        self.notes: dict[str, Any] = {}


class Kernel:
    """Runs actors in virtual time. `now` is true time in µs. `reset` starts a new seed and keeps the threads."""

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

    @property
    def calls(self) -> list[Actor]:
        """The living actors that end by themselves."""
        return [actor for actor in self.alive if not actor.daemon]

    def instant(self, offset: int = 0) -> datetime:
        return EPOCH + timedelta(microseconds=self.now + offset)

    def at(self, when: int, what: Callable[[], None]) -> None:
        """Queue an event at `when`, or now if that has passed. Events of one instant keep their order."""
        self._sequence += 1
        heapq.heappush(self._queue, (max(when, self.now), self._sequence, what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self.at(self.now + round(seconds * SECOND), what)

    def spawn(self, actor: Actor, delay: float = 0.0) -> Actor:
        self.alive[actor] = None
        actor.began_at = self.now
        self.after(delay, lambda: self._resume(actor))
        return actor

    def run(self, until: int, ended: Callable[[], bool] = lambda: False) -> None:
        """Run events up to `until`, or until `ended` returns True."""
        self.horizon = until
        while self._queue and self._queue[0][0] <= until and not ended():
            self.now, _, what = heapq.heappop(self._queue)
            what()
        self.now = max(self.now, until) if not ended() else self.now

    def pause(self, seconds: float) -> None:
        """Let time pass for the calling actor."""
        self.pause_until(self.now + max(0, round(seconds * SECOND)))

    def pause_until(self, when: int) -> None:
        actor = self.current
        assert actor is not None
        if actor.dead:
            raise Killed
        if when <= self.horizon and (not self._queue or self._queue[0][0] > when):
            self.now = max(self.now, when)  # no event comes before, so the actor keeps the baton
            return
        self.at(when, lambda: self._resume(actor))
        self._yield_baton(actor)

    def wait(self, waiting: list[Callable[[], None]], seconds: float | None = None) -> bool:
        """Let the calling actor wait until its entry in `waiting` is called. Return False after `seconds` alone."""
        actor = self.current
        assert actor is not None
        if actor.dead:
            raise Killed
        ended: list[bool] = []

        def end(called: bool) -> None:
            if not ended:
                ended.append(called)
                self.at(self.now, lambda: self._resume(actor))

        call = functools.partial(end, True)
        waiting.append(call)
        if seconds is not None:
            self.after(max(seconds, 0.0), functools.partial(end, False))
        try:
            self._yield_baton(actor)
        finally:
            if call in waiting:
                waiting.remove(call)
        return ended[0]

    def join(self, children: list[Actor]) -> None:
        """Let the calling actor wait for its children."""
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
        self._yield_baton(actor)

    def kill(self, root: Actor) -> None:
        """Kill a process with all actors it started. Waiting ones get `Killed` too."""
        for actor in [actor for actor in self.alive if actor.root is root]:
            actor.dead = True
            if actor is not self.current:
                self.at(self.now, functools.partial(self._resume, actor))

    def end(self) -> None:
        """Kill all actors, so their threads are free for the next seed."""
        self._queue.clear()
        while self.alive:
            actor = next(iter(self.alive))
            actor.dead = True
            self._resume(actor)

    def stop_threads(self) -> None:
        """Stop the idle threads."""
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
            actor.worker.job = lambda: self._run_actor(actor)
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

    def _run_actor(self, actor: Actor) -> None:
        try:
            actor.result = actor.work()
        except BaseException as error:
            actor.error = error
        self._finish(actor)

    def _finish(self, actor: Actor) -> None:
        actor.done = True
        self.alive.pop(actor, None)
        for callback in actor.on_end:
            callback()

    def _yield_baton(self, actor: Actor) -> None:
        worker = actor.worker
        assert worker is not None
        self.baton.release()
        worker.go.acquire()
        if actor.dead:
            raise Killed
