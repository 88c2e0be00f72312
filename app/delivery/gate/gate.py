"""The gate: deliveries of one instant wait together, are claimed in one statement and settled in groups.

Invariant: each member of a group gets what it would get alone. A group of one runs the same statements.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from app.delivery.alone import deliver_alone
from app.delivery.gate.replies import Replies
from app.delivery.gate.senders import Senders
from app.delivery.gate.settler import Settler
from app.delivery.gate.sharing import Sharing
from app.delivery.gate.waiting import Waiting
from app.delivery.seats import is_let_go, release_seat, take_seat
from app.delivery.send import warm
from app.deps import NEAR_SECONDS, Deps
from app.domain.delivery import DeliveryResult, ReadyDelivery, TurnedAway
from app.domain.errors import Stopping
from app.domain.post import Post
from app.domain.turns import leave
from app.log import emit, request_id

SENDERS = 8


class Gate:
    """A deps.DeliveryGate with threads: one claims due deliveries, a few send, one settles, one replies, one shares.

    The threads start with the first delivery and end with the process.
    """

    def __init__(self, senders: int = SENDERS) -> None:
        self._replies = Replies(self.is_busy)
        self._settler = Settler(self._replies)
        self._senders = Senders(senders, self._settler)
        self._waiting = Waiting(self._senders)
        self._starting = threading.Lock()
        self._started = False

    def __len__(self) -> int:
        """Return how many deliveries wait for their instant."""
        return len(self._waiting)

    def duplicates(self, post: Post) -> int:
        """Return how many deliveries wait for the claim of another delivery of this post."""
        return self._waiting.duplicates(post)

    def is_busy(self, deps: Deps, within: float = NEAR_SECONDS) -> bool:
        """Return True while a send is queued, or an instant is less than `within` seconds away."""
        return self._senders.backlog > 0 or self._waiting.is_near(deps, within)

    def deliver(self, deps: Deps, delivery: ReadyDelivery) -> DeliveryResult:
        """Pass one delivery, as deps.DeliveryGate says."""
        if not self._started:
            self._start_threads(deps)
        early = delivery.due > deps.clock.now()
        if early and is_let_go(deps, delivery.due):
            raise Stopping()
        delivery.request_id = request_id.get()
        if delivery.is_probe and len(delivery.circuits) > 1:  # due by now, and for one publisher alone
            return deliver_alone(deps, delivery)
        if not early:
            return self._wait(deps, delivery)
        delivery.seat = take_seat(deps, delivery.post, partial(self._waiting.withdraw, delivery))
        if delivery.seat is None:
            return TurnedAway.NO_SEAT
        try:
            return self._wait(deps, delivery)
        finally:  # after its claim the seat is free already, except where it waited as a duplicate
            release_seat(deps, delivery.seat)

    def _wait(self, deps: Deps, delivery: ReadyDelivery) -> DeliveryResult:
        """Queue a delivery until its claim, send and settle. Finish it here if the threads give it back."""
        if delivery.seat is not None and len(self._waiting) and deps.publishers:
            warm(deps, delivery.allowed, min(len(self._waiting) + 1, self._senders.count))  # one per concurrent send
        self._waiting.add(delivery)
        deps.in_flight.wanted.set()
        if delivery.seat is not None and delivery.seat.withdrawn:  # before it was in the queue
            self._waiting.withdraw(delivery)
        leave()
        # One wait without a timeout: hundreds of threads that wake to poll would take the processor from the senders.
        result = delivery.future.result()
        if result is not None:
            return result
        deps.clock.sleep_until(delivery.due)  # a claim that failed may have been written ahead of the instant
        return deliver_alone(deps, delivery)

    def _start_threads(self, deps: Deps) -> None:
        with self._starting:
            if self._started:
                return
            _start("gate_claim", self._waiting.claim_next, deps)
            _start("gate_settle", self._settler.settle_next, deps)
            _start("gate_reply", self._replies.reply_next, deps)
            if deps.in_flight.shared:
                for index in range(len(deps.in_flight.lanes)):
                    sharing = Sharing(self._waiting.__len__, self._waiting.notice_room, index)
                    _start("gate_share", sharing.share_next, deps)
            for _ in range(self._senders.count):
                _start("gate_send", self._senders.send_next, deps)
            self._started = True


def _start(name: str, work: Callable[[Deps], None], deps: Deps) -> None:
    threading.Thread(target=_repeat, args=(work, deps), name=name, daemon=True).start()


def _repeat(work: Callable[[Deps], None], deps: Deps) -> None:
    while True:
        try:
            work(deps)
        except Exception:  # for example no thread can be started: the waiting deliveries must not wait for ever
            emit("gate.loop_failed", exc_info=True)
