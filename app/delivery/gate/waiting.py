"""The waiting deliveries, and the claiming thread: it claims them in groups.

Invariant: a group is claimed only when senders are free for it, so few claimed posts are in doubt if the process dies.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from datetime import datetime

from app.delivery.claim import ClockSetBack, claim
from app.delivery.gate.senders import SHORT_NAP_SECONDS, Senders
from app.delivery.seats import is_let_go, release_seat
from app.deps import Deps
from app.domain.delivery import ReadyDelivery
from app.domain.errors import Stopping
from app.log import emit

MAX_GROUP = 16  # claimed in one transaction: claimed and unsent posts are in doubt if this process dies
AHEAD_SECONDS = 0.01  # a claim is written this long before its instant and committed at it
NEAR_SECONDS = 0.01
MAX_NAP_SECONDS = 0.25  # of the claiming thread, so that it notices a wall clock that was set forward


class Waiting:
    """Deliveries in the order of their instants. One thread calls `claim_next` for ever."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders
        self._changed = threading.Condition()
        self._heap: list[tuple[datetime, int, ReadyDelivery]] = []
        self._order = itertools.count()
        self._ahead_seconds = AHEAD_SECONDS

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, delivery: ReadyDelivery) -> None:
        """Queue a delivery, and wake the claiming thread if its instant is the nearest."""
        with self._changed:
            self._push(delivery)
            if self._heap[0][2] is delivery:
                self._changed.notify()

    def is_near(self, deps: Deps) -> bool:
        """Return True if the nearest instant is here or some milliseconds away."""
        with self._changed:
            left = self._seconds_left(deps)
        return left is not None and left < NEAR_SECONDS

    def claim_next(self, deps: Deps) -> None:
        """Wait for the nearest instant, claim the deliveries due by then, and pass the claimed ones to the senders."""
        group, at = self._next_group(deps)
        try:
            results = claim(deps, group, at, skip_locked=True)
        except ClockSetBack:
            self._ahead_seconds = 0.0  # no transaction is held again before the clock has reached the instant
            with self._changed:
                for delivery in group:
                    self._push(delivery)
            return
        except Exception as error:
            emit("gate.claim_alone", count=len(group), error=type(error).__name__)
            # A deadlock between groups, or no database: each delivery tries alone, and is no longer ours to send.
            _release_seats(deps, group)
            for delivery in group:
                delivery.future.set_result(None)
            return
        self._ahead_seconds = AHEAD_SECONDS
        _release_seats(deps, group)
        for delivery, lost in zip(group, results, strict=True):
            if lost is None:
                self._senders.put(delivery)
            else:  # a locked post is tried alone, in its caller's thread: it may have to wait for its lock
                delivery.future.set_result(None if delivery.locked else lost)

    def _push(self, delivery: ReadyDelivery) -> None:
        heapq.heappush(self._heap, (delivery.due, next(self._order), delivery))

    def _next_group(self, deps: Deps) -> tuple[list[ReadyDelivery], datetime | None]:
        """Wait until the nearest instant is at most `_ahead_seconds` away. Return the deliveries due by then.

        The instant comes with them while it is still ahead, else None.
        """
        with self._changed:
            self._senders.add_if_stalled(deps)
            while self._senders.backlog > self._senders.count:  # claimed posts must not queue for long
                self._changed.wait(SHORT_NAP_SECONDS)
                self._senders.add_if_stalled(deps)
            while (left := self._seconds_left(deps)) is None or left > self._ahead_seconds:
                idle = left is None and self._senders.backlog == 0
                nap = MAX_NAP_SECONDS if left is None else min(left - self._ahead_seconds, MAX_NAP_SECONDS)
                self._changed.wait(None if idle else nap)
                self._let_go_if_stopping(deps)
                self._senders.add_if_stalled(deps)
            at = self._heap[0][0] if left > 0 else None
            by = at or deps.clock.now()
            group: list[ReadyDelivery] = []
            while self._heap and self._heap[0][0] <= by and len(group) < MAX_GROUP:
                group.append(heapq.heappop(self._heap)[2])
        return group, at

    def _let_go_if_stopping(self, deps: Deps) -> None:
        """Let go of the deliveries that can come back in time, once this process was asked to end."""
        if deps.stop is None or not deps.stop.requested:
            return
        gone = {order: delivery for due, order, delivery in self._heap if is_let_go(deps, due)}
        if not gone:
            return
        self._heap = [entry for entry in self._heap if entry[1] not in gone]
        heapq.heapify(self._heap)
        _release_seats(deps, [*gone.values()])
        for delivery in gone.values():
            delivery.future.set_exception(Stopping())
        emit("gate.let_go", count=len(gone))

    def _seconds_left(self, deps: Deps) -> float | None:
        """Return the seconds until the nearest instant, None while no delivery waits."""
        return (self._heap[0][0] - deps.clock.now()).total_seconds() if self._heap else None


def _release_seats(deps: Deps, group: list[ReadyDelivery]) -> None:
    for delivery in group:
        if delivery.has_seat:
            release_seat(deps)
