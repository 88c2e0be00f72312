"""The sender threads: they send claimed deliveries to n8n, with extra threads while n8n is slow.

Invariant: a delivery leaves the queue once, so it is sent once. An owner below its share of the senders never waits for
a send of another owner.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from app.delivery.gate.settler import Settler
from app.delivery.send import send
from app.deps import Deps
from app.domain.delivery import ReadyDelivery
from app.domain.fairness import owner_of
from app.domain.outcomes import Outcome
from app.log import emit

SHORT_NAP_SECONDS = 0.002
STALLED_AFTER_SECONDS = 0.25  # without one finished send: a slow n8n holds all senders, so more are started
MAX_EXTRA_SENDERS = 256
MAX_FAIR_SENDERS = 64  # extra ones beside those, for owners below their share


class Senders:
    """A queue of claimed deliveries. `count` threads call `send_next` for ever."""

    def __init__(self, count: int, settler: Settler) -> None:
        self.count = count
        self.on_finished: Callable[[], None] = lambda: None  # called after each send
        self._settler = settler
        self._tokens: queue.SimpleQueue[None] = queue.SimpleQueue()  # one for each delivery in `_queues`
        self._queues: dict[str, deque[ReadyDelivery]] = {}  # by owner, the owner served longest ago first
        self._lock = threading.Lock()
        self._extra = 0
        self._sending: set[ReadyDelivery] = set()
        self._sending_of: Counter[str] = Counter()
        self._in_hand: Counter[str] = Counter()  # queued or sending, by owner
        self._finished_at = 0.0  # when a send last finished, on the monotonic clock

    @property
    def backlog(self) -> int:
        """The number of claimed deliveries without a sender yet."""
        return self._tokens.qsize()

    @property
    def has_room(self) -> bool:
        """Whether another group may be claimed. Claimed posts must not queue for long."""
        return self.backlog <= self.count

    def below_share(self, owners: Iterable[str]) -> set[str]:
        """Return those of the owners with fewer deliveries in hand than their share of the senders."""
        with self._lock:
            share = self._share()
            return {owner for owner in owners if self._in_hand[owner] < share}

    def put(self, deps: Deps, delivery: ReadyDelivery) -> None:
        """Queue one claimed delivery. Start a sender for it if other owners' sends hold more than their share."""
        owner = owner_of(delivery.post)
        with self._lock:
            self._in_hand[owner] += 1
            self._queues.setdefault(owner, deque()).append(delivery)
            is_short = self._is_short(owner)
        self._tokens.put(None)
        if is_short:
            self._start_extra(deps)

    def send_next(self, deps: Deps) -> None:
        """Wait for a claimed delivery and send it."""
        self._tokens.get()
        self._send(deps, self._take())

    def add_if_stalled(self, deps: Deps) -> None:
        """Double the senders while all of them are held up. The extra ones end when the queue is empty.

        One thread calls this: the claiming one.
        """
        stalled = self._all_send() and time.monotonic() - self._finished_at > STALLED_AFTER_SECONDS
        if not stalled or self._tokens.empty() or self._extra >= MAX_EXTRA_SENDERS:
            return
        more = min(self.count + self._extra, MAX_EXTRA_SENDERS - self._extra)
        self._finished_at = time.monotonic()  # the new senders get the same time before more are added
        for _ in range(more):
            self._start_extra(deps)

    def _share(self) -> int:
        return max(1, self.count // max(1, len(self._in_hand)))

    def _all_send(self) -> bool:
        return len(self._sending) >= self.count + self._extra

    def _is_short(self, owner: str) -> bool:
        """Return True if all senders send, another owner has more than its share, and this one has no more."""
        if len(self._in_hand) < 2 or not self._all_send() or self._extra >= MAX_EXTRA_SENDERS + MAX_FAIR_SENDERS:
            return False
        share = self._share()
        return self._in_hand[owner] <= share < max(self._sending_of.values(), default=0)

    def _start_extra(self, deps: Deps) -> None:
        """Start an extra sender if the system can. The caller has claimed deliveries, and must pass them on."""
        try:
            threading.Thread(target=self._send_until_idle, args=(deps,), name="gate_extra_sender", daemon=True).start()
        except RuntimeError as error:  # the system has no thread left
            emit("gate.no_extra_sender", error=type(error).__name__)
            return
        with self._lock:
            self._extra += 1

    def _send_until_idle(self, deps: Deps) -> None:
        with suppress(queue.Empty):
            while True:
                self._tokens.get(timeout=STALLED_AFTER_SECONDS)
                self._send(deps, self._take())
        with self._lock:
            self._extra -= 1

    def _take(self) -> ReadyDelivery:
        """Take the next delivery of the owner with the fewest sends under way."""
        with self._lock:
            owner = min(self._queues, key=self._sending_of.__getitem__)
            waiting = self._queues.pop(owner)
            delivery = waiting.popleft()
            if waiting:
                self._queues[owner] = waiting  # behind the others
            self._sending_of[owner] += 1
            self._sending.add(delivery)
            return delivery

    def _send(self, deps: Deps, delivery: ReadyDelivery) -> None:
        try:
            send(deps, delivery)
        except Exception as error:
            delivery.future.set_exception(error)
            return
        finally:
            deps.in_flight.sent(delivery)
            self._finished(delivery)
        if delivery.verdict is not None and delivery.verdict.outcome is Outcome.ACCEPTED:
            self._settler.put(delivery)
        else:
            delivery.future.set_result(None)  # its caller settles it

    def _finished(self, delivery: ReadyDelivery) -> None:
        owner = owner_of(delivery.post)
        with self._lock:
            self._sending.discard(delivery)
            for counts in (self._sending_of, self._in_hand):
                counts[owner] -= 1
                if not counts[owner]:
                    del counts[owner]
            self._finished_at = time.monotonic()
        self.on_finished()
