"""The gate: deliveries that are ready stand here together; at the instant whoever is due is claimed in one statement,
sent by a few threads, and what n8n accepted is settled in groups.

Promise: what holds for a delivery alone holds for each member; a group of one runs the same statements.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from app.delivery.send import Standing, TooEarly, TurnedAway, claim, go_alone, leave_place, send, take_place
from app.delivery.settle import Accepted, Dispatched, settle_accepted
from app.deps import Deps
from app.domain.outcomes import Outcome
from app.log import emit

LARGEST_GROUP = 16  # claimed in one transaction: whoever is claimed and not yet sent is in doubt if this process dies
MOST_SETTLED = 100
SHORT_NAP_SECONDS = 0.002
AHEAD_SECONDS = 0.01  # so long before its instant a claim is written, to be committed at it
NEAR_SECONDS = 0.01
ANSWERED_AT_ONCE = 16
LONGEST_SILENCE_SECONDS = 1.0  # from settling to the answer, however busy the gate is
SENDERS = 8
LONGEST_NAP_SECONDS = 0.25  # of the gate's own thread, so that a wall clock that was put forward is noticed
HELD_UP_AFTER_SECONDS = 0.25  # of no send coming to an end: a slow n8n has all senders, and others must help
MOST_EXTRA_SENDERS = 256


class Gate:
    """deps.Passage with threads: one claims whatever is due, a few send, one settles what was accepted. They start with
    the first delivery, in whichever process it comes to, and end with that process."""

    def __init__(self, senders: int = SENDERS) -> None:
        self._senders = senders
        self._changed = threading.Condition()
        self._waiting: list[tuple[datetime, int, Standing]] = []
        self._order = itertools.count()
        self._to_send: queue.SimpleQueue[Standing] = queue.SimpleQueue()
        self._to_settle: queue.SimpleQueue[tuple[Standing, Accepted]] = queue.SimpleQueue()
        self._answers: deque[tuple[float, Standing, Dispatched | None]] = deque()
        self._ahead_seconds = AHEAD_SECONDS
        self._started = False
        self._extra = 0
        self._in_hand: set[Standing] = set()  # of whoever sends
        self._moved = 0.0  # when a send last came to an end, on the monotonic clock

    def __len__(self) -> int:
        """How many stand here and wait for their instant."""
        return len(self._waiting)

    def pass_through(self, deps: Deps, standing: Standing) -> Dispatched | TurnedAway:
        """As OneByOne.pass_through, for many at once."""
        early = standing.due > deps.clock.now()
        if early and not take_place(deps):
            return TurnedAway.NO_ROOM
        standing.has_place = early
        if early and self._waiting and deps.publisher is not None:
            deps.publisher.warm(min(len(self._waiting) + 1, self._senders))  # one for each who will send at once
        self._stand(deps, standing)
        # One wait, no looking up in between: hundreds of threads that wake at once spend more on waking than on work.
        standing.over.wait()
        if standing.error is not None:
            raise standing.error
        if standing.result is not None:
            return standing.result
        deps.clock.sleep_until(standing.due)  # what did not come off may be a claim ahead of the instant
        return go_alone(deps, standing)

    def _stand(self, deps: Deps, standing: Standing) -> None:
        with self._changed:
            if not self._started:
                self._start(deps)
            heapq.heappush(self._waiting, (standing.due, next(self._order), standing))
            if self._waiting[0][2] is standing:
                self._changed.notify()

    def _start(self, deps: Deps) -> None:
        works: list[Callable[[Deps], None]] = [self._claim_next, self._settle_next, *[self._send_next] * self._senders]
        for work in works:
            threading.Thread(target=_for_ever, args=(work, deps), name=f"gate{work.__name__}", daemon=True).start()
        self._started = True

    def _claim_next(self, deps: Deps) -> None:
        group, at = self._next_group(deps)
        try:
            claim(deps, group, at)
        except TooEarly:
            self._ahead_seconds = 0.0  # until the clock has come to the instant again; no transaction waits for that
            self._put_back(group)
            return
        except Exception as error:
            emit("gate.claim_alone", count=len(group), error=type(error).__name__)
            self._leave_places(deps, group)
            # Rivals may have locked each other out, or the database is away: each by itself, with its own patience.
            # From here on they are no longer ours to send.
            for standing in group:
                standing.end()
            return
        self._ahead_seconds = AHEAD_SECONDS
        self._leave_places(deps, group)
        for standing in group:
            if standing.claimed is not None:
                self._to_send.put(standing)

    def _leave_places(self, deps: Deps, group: list[Standing]) -> None:
        for standing in group:
            if standing.has_place:
                leave_place(deps)

    def _put_back(self, group: list[Standing]) -> None:
        with self._changed:
            for standing in group:
                heapq.heappush(self._waiting, (standing.due, next(self._order), standing))

    def _next_group(self, deps: Deps) -> tuple[list[Standing], datetime | None]:
        """Wait until the nearest instant is here, or almost; take whoever is due by then. With the instant, as long as
        it is still to come."""
        with self._changed:
            self._relieve(deps)
            while self._to_send.qsize() > self._senders:  # none is claimed long before a sender has a hand for it
                self._changed.wait(SHORT_NAP_SECONDS)
                self._relieve(deps)
            while (left := self._seconds_left(deps)) is None or left > self._ahead_seconds:
                idle = left is None and self._to_send.empty()
                nap = LONGEST_NAP_SECONDS if left is None else min(left - self._ahead_seconds, LONGEST_NAP_SECONDS)
                self._changed.wait(None if idle else nap)
                self._relieve(deps)
            at = self._waiting[0][0] if left > 0 else None
            by = at or deps.clock.now()
            group: list[Standing] = []
            while self._waiting and self._waiting[0][0] <= by and len(group) < LARGEST_GROUP:
                group.append(heapq.heappop(self._waiting)[2])
        return group, at

    def _seconds_left(self, deps: Deps) -> float | None:
        """Until the nearest instant; None while nobody stands here."""
        return (self._waiting[0][0] - deps.clock.now()).total_seconds() if self._waiting else None

    def _relieve(self, deps: Deps) -> None:
        """While all who send are held up, twice as many; the extra ones leave when nothing is left."""
        all_send = len(self._in_hand) >= self._senders + self._extra
        held_up = all_send and time.monotonic() - self._moved > HELD_UP_AFTER_SECONDS
        if not held_up or self._to_send.empty() or self._extra >= MOST_EXTRA_SENDERS:
            return
        more = min(self._senders + self._extra, MOST_EXTRA_SENDERS - self._extra)
        self._moved = time.monotonic()  # they get their time too
        for _ in range(more):
            self._extra += 1  # one by one: where no thread can be started, none is counted after it
            threading.Thread(target=self._send_until_idle, args=(deps,), name="gate_extra_sender", daemon=True).start()

    def _send_until_idle(self, deps: Deps) -> None:
        with suppress(queue.Empty):
            while True:
                self._send(deps, self._to_send.get(timeout=HELD_UP_AFTER_SECONDS))
        with self._changed:
            self._extra -= 1

    def _send_next(self, deps: Deps) -> None:
        self._send(deps, self._to_send.get())

    def _send(self, deps: Deps, standing: Standing) -> None:
        self._in_hand.add(standing)
        try:
            unsent = send(deps, standing)
        except Exception as error:
            standing.end(error=error)
            return
        finally:
            self._in_hand.discard(standing)
            self._moved = time.monotonic()
        post, verdict, sent_at = standing.claimed, standing.verdict, standing.sent_at
        if post is not None and sent_at is not None and verdict is not None and verdict.outcome is Outcome.ACCEPTED:
            self._to_settle.put((standing, Accepted(post, verdict, sent_at, standing.circuit)))
        else:
            standing.end(unsent)

    def _settle_next(self, deps: Deps) -> None:
        if group := self._sent():
            self._settle(deps, group)
        while self._answers and (not self._is_busy(deps) or time.monotonic() > self._answers[0][0]):
            for _ in range(min(len(self._answers), ANSWERED_AT_ONCE)):
                _, standing, result = self._answers.popleft()
                standing.end(result)
            if not self._to_settle.empty():
                return
            time.sleep(SHORT_NAP_SECONDS)

    def _sent(self) -> list[tuple[Standing, Accepted]]:
        """What was accepted since; nothing where somebody waits for an answer that may be due."""
        try:
            group = [self._to_settle.get(timeout=SHORT_NAP_SECONDS if self._answers else None)]
        except queue.Empty:
            return []
        while len(group) < MOST_SETTLED and not self._to_settle.empty():
            group.append(self._to_settle.get())
        return group

    def _settle(self, deps: Deps, group: list[tuple[Standing, Accepted]]) -> None:
        result: Dispatched | None = Dispatched("dispatched")
        try:
            settle_accepted(deps, [accepted for _, accepted in group])
        except Exception as error:
            emit("gate.settle_alone", count=len(group), error=type(error).__name__)
            result = None
        # An answer is in no hurry, and hundreds of threads that wake up for theirs would keep the senders from work.
        by = time.monotonic() + LONGEST_SILENCE_SECONDS
        self._answers.extend((by, standing, result) for standing, _ in group)

    def _is_busy(self, deps: Deps) -> bool:
        """Somebody is to be sent now, or in a moment."""
        with self._changed:
            left = self._seconds_left(deps)
        return not self._to_send.empty() or (left is not None and left < NEAR_SECONDS)


def _for_ever(work: Callable[[Any], None], deps: Deps) -> None:
    while True:
        try:
            work(deps)
        except Exception:  # such as no thread left to start; those who stand here must not wait for ever
            emit("gate.broke", exc_info=True)
