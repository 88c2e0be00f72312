"""Turns at the interpreter: a bound on the requests that a process works on at once, shared by owner.

Python runs one thread at a time, so a due post waits a moment for every busy thread. Fewer of them make it exact.
Invariant: a thread that waits for another machine holds no turn. A thread holds no turn either when it waits for one.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from app.domain.fairness import FairQueue

_of_thread = threading.local()


class NoTurn(Exception):
    """No turn came in time, or too many requests are here already."""


class Bound(Protocol):
    """A condition on working, such as a turn of `Turns`."""

    def take(self, owner: str, seconds: float | None = None) -> None:
        """Wait until this owner may work. Raises: NoTurn after `seconds`."""
        ...

    def release(self, owner: str) -> None:
        """End the work that `take` began."""
        ...


class Turns:
    """A number of turns: `count` at once, and `of_owner` of one owner. Safe for many threads.

    Owners who wait get one turn after the other. While `is_narrow` returns True, `narrow` holds these two numbers.
    """

    def __init__(
        self,
        count: int,
        of_owner: int,
        is_narrow: Callable[[], bool] = lambda: False,
        narrow: tuple[int, int] = (1, 1),
    ) -> None:
        self._wide, self._narrow, self._is_narrow = (count, of_owner), narrow, is_narrow
        self._lock = threading.Lock()
        self._waiting = FairQueue[_Waiter]()
        self._taken: Counter[str] = Counter()
        self._order = itertools.count()

    @property
    def waiting(self) -> int:
        """The number of threads that wait for a turn. One that has given up may still be counted."""
        return len(self._waiting)

    @property
    def taken(self) -> int:
        """The number of taken turns."""
        return self._taken.total()

    def take(self, owner: str, seconds: float | None = None) -> None:
        """Wait for a turn, for `seconds` at most, None for ever.

        Raises: NoTurn.
        """
        with self._lock:
            if not len(self._waiting) and self._may_take([owner]):
                self._taken[owner] += 1
                return
            waiter = _Waiter(owner)
            self._waiting.put(owner, waiter, next(self._order))
            self._give()
        if not waiter.wait(seconds) and self._withdraw(waiter):
            raise NoTurn()

    def release(self, owner: str) -> None:
        """Give a taken turn back."""
        with self._lock:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
            self._give()

    def _may_take(self, owners: Iterable[str]) -> list[str]:
        """Return those of the owners who may take a turn now."""
        taken = self._taken.total()
        count, of_owner = self._narrow if taken and self._is_narrow() else self._wide
        return [owner for owner in owners if self._taken[owner] < of_owner] if taken < count else []

    def _give(self) -> None:
        """Give the free turns to waiting threads, to each owner below its bound in turn."""
        while len(self._waiting) and (below := self._may_take(self._waiting.owners())):
            for waiter in self._waiting.take_one_each(1, below):
                if not waiter.gone:
                    self._taken[waiter.owner] += 1
                    waiter.wake()

    def _withdraw(self, waiter: _Waiter) -> bool:
        """Stop waiting. Return False if the turn came in the last moment."""
        with self._lock:
            waiter.gone = not waiter.awake
        return waiter.gone


class _Waiter:
    """A thread that waits for a turn. It sleeps on a lock, which costs a fraction of a threading.Event."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.awake = self.gone = False
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wait(self, seconds: float | None) -> bool:
        """Return True if `wake` was called within `seconds`."""
        return self._asleep.acquire(timeout=-1 if seconds is None else seconds)

    def wake(self) -> None:
        self.awake = True
        self._asleep.release()


class Held:
    """The turns of one thread, one of each of these bounds. They are taken in order, and given back together."""

    def __init__(self, bounds: Sequence[Bound], owner: str) -> None:
        self._bounds, self._owner = bounds, owner
        self._taken: list[Bound] = []

    @property
    def is_working(self) -> bool:
        return bool(self._taken)

    def take(self, seconds: float | None = None) -> None:
        """Wait for the turns. Raises: NoTurn, without a turn then."""
        try:
            for bound in self._bounds:
                bound.take(self._owner, seconds)
                self._taken.append(bound)
        except NoTurn:
            self.release()
            raise

    def release(self) -> None:
        """Give the turns back, if they are taken."""
        while self._taken:
            self._taken.pop().release(self._owner)


@contextmanager
def holding(turns: Turns, owner: str, seconds: float | None = None) -> Iterator[None]:
    """Hold a turn for this thread while the context lasts. Inside, the thread may change, pause or leave it.

    Raises: NoTurn after `seconds` of waiting.
    """
    _hold(Held([turns], owner), seconds)
    try:
        yield
    finally:
        leave()


def change_to(bounds: Sequence[Bound], owner: str, seconds: float) -> None:
    """Give this thread's turn back and take one of each of these bounds for `owner`. Without a turn, do nothing.

    Raises: NoTurn after `seconds`.
    """
    if _held() is not None:
        leave()
        _hold(Held(bounds, owner), seconds)


def rest() -> None:
    """Give this thread's turn back until `change_to` takes another one."""
    held = _held()
    if held is not None:
        held.release()


def leave() -> None:
    """Give this thread's turn back for good: the rest of its work is short, or comes after a wait."""
    held = _held()
    if held is not None:
        held.release()
        _of_thread.held = None


@contextmanager
def paused() -> Iterator[None]:
    """Give this thread's turn to others while it waits for another machine."""
    held = _held()
    if held is None or not held.is_working:
        yield
        return
    held.release()
    try:
        yield
    finally:
        held.take()


def _held() -> Held | None:
    return getattr(_of_thread, "held", None)


def _hold(held: Held, seconds: float | None = None) -> None:
    held.take(seconds)
    _of_thread.held = held
