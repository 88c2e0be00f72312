"""The waiting deliveries, and the claiming thread: it claims them in groups, by their instants and fair by owner.

Invariant: a group is claimed only when senders are free for it and n8n has room for it, so few claimed posts are in
doubt if the process dies. A generation of a post has one place, however many deliveries bring it.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from datetime import datetime, timedelta

from app.delivery.claim import ClockSetBack, claim
from app.delivery.gate.senders import SHORT_NAP_SECONDS, Senders
from app.delivery.seats import is_let_go, release_seat
from app.deps import Deps
from app.domain.delivery import DeliveryResult, Dispatched, ReadyDelivery, TurnedAway
from app.domain.errors import Stopping
from app.domain.fairness import FairQueue, owner_of
from app.domain.post import Post
from app.domain.seats import Place
from app.log import emit

MAX_GROUP = 8  # claimed in one transaction: the next delivery waits for it, and unsent ones are in doubt after a death
AHEAD_SECONDS = 0.01  # a claim is written this long before its instant and committed at it
MAX_ASIDE = 64  # deliveries looked at in vain in one pass, because their publishers are full or down
MAX_NAP_SECONDS = 0.25  # of the claiming thread, so that it notices a wall clock that was set forward
BUSY = Dispatched("ignored", "busy")


class Waiting:
    """Deliveries in the order of their instants, the due ones in fair order. One thread calls `claim_next` for ever."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders
        self._changed = threading.Condition()
        self._heap: list[tuple[datetime, int, ReadyDelivery]] = []
        self._due: FairQueue[ReadyDelivery] = FairQueue()  # taken from the heap when their instant came
        self._last_due: datetime | None = None  # the latest instant among them
        self._places: dict[Place, ReadyDelivery] = {}
        self._order = itertools.count()
        self._ahead_seconds = AHEAD_SECONDS
        self._claiming = False
        self._turn_away_at: datetime | None = None  # when a due delivery can wait for room no longer
        self._is_short = False  # True while due deliveries wait for room
        senders.on_finished = self.notice_room

    def __len__(self) -> int:
        return len(self._heap) + len(self._due)

    def duplicates(self, post: Post) -> int:
        """Return how many deliveries wait for the claim of another delivery of this post."""
        with self._changed:
            first = self._places.get((post.id, post.generation))
            return len(first.duplicates) if first else 0

    def add(self, delivery: ReadyDelivery) -> None:
        """Queue a delivery, and wake the claiming thread if its instant is the nearest.

        A duplicate gets no place of its own. It waits for the claim of the first delivery.
        """
        with self._changed:
            first = self._places.setdefault(_place(delivery), delivery)
            if first is not delivery:
                first.duplicates.append(delivery)
                return
            self._push(delivery)
            if self._heap[0][2] is delivery:
                self._changed.notify()

    def withdraw(self, delivery: ReadyDelivery) -> None:
        """Turn a delivery away whose seat was given to another owner, unless it is being claimed by now."""
        with self._changed:
            left = [entry for entry in self._heap if entry[2] is not delivery]
            if len(left) == len(self._heap):
                return
            self._heap = left
            heapq.heapify(self._heap)
        self._finish(delivery, TurnedAway.NO_SEAT)

    def is_near(self, deps: Deps, within: float) -> bool:
        """Return True if a claim is under way, or the nearest instant is less than `within` seconds away.

        Due deliveries without room at n8n do not count: they need no processor until n8n answers.
        """
        with self._changed:
            left = self._seconds_left(deps)
            is_due = bool(self._due) and not self._is_short
            return self._claiming or is_due or (left is not None and left < within)

    def claim_next(self, deps: Deps) -> None:
        """Wait for the nearest instant, claim the deliveries due by then, and pass the claimed ones to the senders."""
        group, at = self._next_group(deps)
        try:
            self._claim(deps, group, at)
        finally:
            self._claiming = False

    def _claim(self, deps: Deps, group: list[ReadyDelivery], at: datetime | None) -> None:
        try:
            results = claim(deps, group, at, skip_locked=True)
        except ClockSetBack:
            _leave(deps, group)
            self._ahead_seconds = 0.0  # no transaction is held again before the clock has reached the instant
            with self._changed:
                for delivery in group:
                    self._push(delivery)
            return
        except Exception as error:
            _leave(deps, group)
            emit("gate.claim_alone", count=len(group), error=type(error).__name__)
            # A deadlock between groups, or no database: each delivery tries alone, and is no longer ours to send.
            _release_seats(deps, group)
            for delivery in group:
                self._finish(delivery, None)
            return
        self._ahead_seconds = AHEAD_SECONDS
        _release_seats(deps, group)
        for delivery, lost in zip(group, results, strict=True):
            if lost is None:
                duplicates = self._vacate(delivery)
                self._senders.put(deps, delivery)
                for duplicate in duplicates:
                    duplicate.future.set_result(BUSY)
            else:
                deps.in_flight.leave(delivery)
                # A locked post is tried alone, in its caller's thread: it may have to wait for its lock.
                self._finish(delivery, None if delivery.locked else lost)

    def _push(self, delivery: ReadyDelivery) -> None:
        heapq.heappush(self._heap, (delivery.due, next(self._order), delivery))

    def _vacate(self, delivery: ReadyDelivery) -> list[ReadyDelivery]:
        """Free the place of a delivery, and return its duplicates."""
        with self._changed:
            del self._places[_place(delivery)]
            return delivery.duplicates

    def _finish(self, delivery: ReadyDelivery, result: DeliveryResult | None) -> None:
        """End an unclaimed delivery. Its duplicates get the same result, or try alone too."""
        for each in (delivery, *self._vacate(delivery)):
            each.future.set_result(result)

    def _next_group(self, deps: Deps) -> tuple[list[ReadyDelivery], datetime | None]:
        """Wait until the nearest instant is at most `_ahead_seconds` away. Return deliveries due by then.

        The instant comes with them while it is still ahead, else None.
        """
        with self._changed:
            while True:
                self._let_go_if_stopping(deps)
                self._senders.add_if_stalled(deps)
                at = self._collect_due(deps.clock.now())
                if self._is_short:
                    self._turn_away_late(deps)
                group = self._take(deps)
                if group:
                    self._claiming = True
                    return group, at
                self._turn_away_late(deps)
                self._changed.wait(self._nap_seconds(deps))

    def _collect_due(self, now: datetime) -> datetime | None:
        """Move the deliveries due by now to the fair queue, or those of the nearest instant a little ahead.

        Return that instant. None means that all in the fair queue are due.
        """
        if self._last_due is not None and self._last_due > now:  # not claimed yet, or the clock was set back
            for delivery in self._due.clear():
                self._push(delivery)
        if not self._due:
            self._last_due = None
        at = None
        if not self._due and self._heap and now < self._heap[0][0] <= now + timedelta(seconds=self._ahead_seconds):
            at = self._heap[0][0]
        while self._heap and self._heap[0][0] <= (at or now):
            self._last_due, _, delivery = heapq.heappop(self._heap)
            self._put_due(delivery)
        return at

    def _put_due(self, delivery: ReadyDelivery) -> None:
        self._due.put(owner_of(delivery.post), delivery, delivery.due)
        if delivery.claim_by is not None:
            self._turn_away_at = min(self._turn_away_at or delivery.claim_by, delivery.claim_by)

    def _take(self, deps: Deps) -> list[ReadyDelivery]:
        """Take a group in fair order, as large as the room for it. It counts as in flight from here on.

        While the senders have enough to send, or while n8n has enough, take from owners below their share.
        """
        if not self._due:
            self._is_short = False
            deps.in_flight.note_shortage(False, deps.clock.now())
            return []
        self._is_short = True  # before the look for room: a send that ends after the look then wakes this thread
        now = deps.clock.now()
        below = None if self._senders.has_room else self._senders.below_share(self._due.owners())
        group, has_room = self._enter(deps, below, now)
        if not has_room:
            beyond, kept_out = deps.in_flight.kept_out(self._due.owners(), now)
            group = self._due.take_one_each(min(beyond, MAX_GROUP), kept_out)
            for refused in deps.in_flight.enter(group):
                group.remove(refused)
                self._put_due(refused)
        self._is_short = not has_room
        deps.in_flight.note_shortage(not has_room, now)
        return group

    def _enter(self, deps: Deps, below: set[str] | None, now: datetime) -> tuple[list[ReadyDelivery], bool]:
        """Take deliveries whose publishers have room. Return them, and whether there was room.

        A delivery whose own publishers are full goes back.
        """
        group: list[ReadyDelivery] = []
        aside: list[ReadyDelivery] = []
        has_room = False
        while True:
            room = deps.in_flight.reserve(MAX_GROUP - len(group), now)
            has_room = has_room or room > 0
            taken = self._due.take(room) if below is None else self._due.take_one_each(room, below)
            refused = deps.in_flight.enter(taken, reserved=room)
            group += [delivery for delivery in taken if delivery not in refused]
            aside += refused
            if not refused or len(aside) > MAX_ASIDE:
                break
        for delivery in aside:
            self._put_due(delivery)
        return group, has_room and (bool(group) or not aside)

    def _turn_away_late(self, deps: Deps) -> None:
        """Turn away the due deliveries that can wait for room no longer. They are armed again."""
        now = deps.clock.now()
        if not self._due or self._turn_away_at is None or now < self._turn_away_at:
            return
        late, self._turn_away_at = [], None
        for delivery in self._due.clear():
            if delivery.claim_by is not None and delivery.claim_by <= now:
                late.append(delivery)
            else:
                self._put_due(delivery)
        _release_seats(deps, late)
        for delivery in late:
            self._finish(delivery, TurnedAway.NO_ROOM)

    def notice_room(self) -> None:
        """Wake the claiming thread where it waits for room. A sender calls this after each send."""
        if self._is_short:
            with self._changed:
                self._changed.notify()

    def _nap_seconds(self, deps: Deps) -> float | None:
        """Return the longest wait for the next look, None to wait for a delivery."""
        left = self._seconds_left(deps)
        if self._due and self._is_short and self._senders.has_room:
            # The next answer of n8n wakes this thread. A delivery of the next instant may have room of its own.
            return MAX_NAP_SECONDS if left is None else min(max(left, 0), MAX_NAP_SECONDS)
        if self._due or not self._senders.has_room:  # there may be room again since the look at the due ones
            return SHORT_NAP_SECONDS
        if left is None:
            return None if self._senders.backlog == 0 else MAX_NAP_SECONDS
        return min(max(left - self._ahead_seconds, 0), MAX_NAP_SECONDS)

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
            for each in (delivery, *self._vacate(delivery)):
                each.future.set_exception(Stopping())
        emit("gate.let_go", count=len(gone))

    def _seconds_left(self, deps: Deps) -> float | None:
        """Return the seconds until the nearest instant, None while no delivery waits."""
        return (self._heap[0][0] - deps.clock.now()).total_seconds() if self._heap else None


def _place(delivery: ReadyDelivery) -> Place:
    return delivery.post.id, delivery.post.generation


def _leave(deps: Deps, group: list[ReadyDelivery]) -> None:
    """Count the deliveries of a failed claim out. Each enters again with its next try."""
    for delivery in group:
        deps.in_flight.leave(delivery)


def _release_seats(deps: Deps, group: list[ReadyDelivery]) -> None:
    for delivery in group:
        if delivery.seat is not None:
            release_seat(deps, delivery.seat)
