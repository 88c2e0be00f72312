"""The sends in flight to n8n from this process, and the room for more.

A send is in flight from its claim until n8n's answer.

Invariant: no more deliveries enter than there is room for. Only a learned window has room beyond itself, for owners
kept out by an owner with more than its share.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from app.domain.breaker import Breaker
from app.domain.delivery import ReadyDelivery
from app.domain.fairness import owner_of
from app.domain.outcomes import Outcome, Verdict
from app.domain.shares import Share
from app.domain.window import FLOOR, Window

TOO_BUSY = frozenset({429, 503})  # the statuses of a server that has too much to do


class InFlight:
    """Deliveries in flight, by owner. Safe for many threads.

    With `shared`, this process may use its share of the window alone. Before it has one, a fixed window is closed and a
    learned one has its floor. `wanted` is set where a share is needed.
    """

    def __init__(self, fixed: int | None = None, *, shared: bool = False) -> None:
        self.shared = shared
        self.window = Window(fixed)
        self.share: Share | None = None
        self.wanted = threading.Event()
        self.short_since: datetime | None = None  # since when due deliveries wait for room here
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._number = self._alone = 0

    def __len__(self) -> int:
        return self._number

    @property
    def lanes(self) -> tuple[InFlight, ...]:
        """The sends in flight by publisher. There is one."""
        return (self,)

    @property
    def demand(self) -> int:
        """The number of deliveries in flight, and of those that try alone."""
        return self._number + self._alone

    def limit(self, now: datetime) -> int:
        """Return how many deliveries of this process may be in flight."""
        if not self.shared:
            return self.window.limit
        share = self.share
        if share is None:
            return 0 if self.window.fixed is not None else FLOOR
        return share.limit(self.window, now)

    def see(self, _circuits: Sequence[Breaker], _threshold: int) -> None:
        """Note which publishers are down. The only one is used in any case."""

    def may_probe(self, _index: int, _now: datetime) -> bool:
        """Return False: while the only publisher is down, each delivery asks for the probe."""
        return False

    def reserve(self, most: int, now: datetime) -> int:
        """Reserve room for up to `most` deliveries, and return for how many. Those that try alone go before them."""
        with self._lock:
            number = max(min(self.limit(now) - self._number - self._alone, most), 0)
            self._number += number
            return number

    def kept_out(self, owners: Collection[str], now: datetime) -> tuple[int, set[str]]:
        """Return the room beyond a full learned window, and the owners who may use it.

        They have less than their share in flight while another owner has more. The room is as large as the window.
        """
        with self._lock:
            limit, most = self.limit(now), max(self._counts.values(), default=0)
            if self.window.fixed is not None:
                return 0, set()
            found = {owner for owner in owners if self._counts[owner] < self._share_with(owner, limit) < most}
            return max(2 * limit - self._number, 0), found

    def enter(self, group: Collection[ReadyDelivery], reserved: int = 0) -> list[ReadyDelivery]:
        """Count deliveries that are about to be claimed, and give back what they leave of the reserved room.

        Returns the deliveries without a publisher, here none.
        """
        with self._lock:
            for delivery in group:
                delivery.in_flight = True
                self._counts[owner_of(delivery.post)] += 1
            self._number += len(group) - reserved
        return []

    def try_enter_alone(self, delivery: ReadyDelivery, now: datetime, *, is_waiting: bool) -> bool:
        """Count a delivery without a group if there is room. `is_waiting` says that it was refused before."""
        with self._lock:
            if self._number >= self.limit(now):
                self._alone += not is_waiting
                self.wanted.set()
                return False
            self._alone -= is_waiting
            delivery.in_flight = True
            self._counts[owner_of(delivery.post)] += 1
            self._number += 1
            return True

    def stop_waiting(self, _delivery: ReadyDelivery) -> None:
        """Forget a delivery that waited alone."""
        with self._lock:
            self._alone -= 1

    def leave(self, delivery: ReadyDelivery) -> None:
        """Count a delivery out: its claim was lost, or n8n has answered."""
        with self._lock:
            if not delivery.in_flight:
                return
            delivery.in_flight = False
            owner = owner_of(delivery.post)
            self._counts[owner] -= 1
            self._number -= 1
            if not self._counts[owner]:
                del self._counts[owner]

    def sent(self, delivery: ReadyDelivery) -> None:
        """Count a delivery out after its send, and let the window learn from n8n's answer."""
        verdict, sent_at, answered_at = delivery.verdict, delivery.sent_at, delivery.answered_at
        if verdict is not None and sent_at is not None and answered_at is not None:
            self._learn(verdict, sent_at, answered_at)
        self.leave(delivery)

    def _learn(self, verdict: Verdict, sent_at: datetime, now: datetime) -> None:
        with self._lock:
            if verdict.outcome is Outcome.UNKNOWN or verdict.http_status in TOO_BUSY:
                self.window.overloaded(sent_at, now)
            elif verdict.http_status is not None and verdict.http_status < 500:
                self.window.answered(sent_at, now, is_full=2 * self._number >= self.limit(now))

    def note_shortage(self, is_short: bool, now: datetime) -> None:
        """Note whether due deliveries wait for room."""
        if not is_short:
            self.short_since = None
        elif self.short_since is None or self.short_since > now:
            self.short_since = now

    def short_for(self, now: datetime) -> timedelta:
        """Return how long due deliveries have waited for room."""
        since = self.short_since
        return max(now - since, timedelta(0)) if since is not None else timedelta(0)

    def _share_with(self, owner: str, limit: int) -> int:
        return max(1, limit // (len(self._counts) + (owner not in self._counts)))
