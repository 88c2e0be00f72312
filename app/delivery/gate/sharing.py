"""The sharing thread: it renews this process's share of the sends in flight.

It raises the alert of an overloaded n8n, too.

Invariant: no delivery waits for a round trip of its own. A process without deliveries holds no share.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from app.alerts import clear_alerts, raise_alert
from app.deps import Deps
from app.domain.alerts import OVERLOADED, OVERLOADED_AFTER, OVERLOADED_RENEWED, overload_text
from app.domain.errors import Unavailable
from app.domain.in_flight import InFlight
from app.domain.shares import LASTS, Holder, Share, fair_parts, merged_size, possible_part
from app.domain.window import Window
from app.log import emit
from app.store.operations import in_flight
from app.store.schema.columns import new_id

RENEWED_SECONDS = 1.0
SHORT_SECONDS = 0.25  # while this process has less than it wants, and another one may give some back
RATE_WINDOW = timedelta(seconds=10)


class Sharing:
    """This process's share of one publisher.

    One thread calls `share_next` for ever. It rests until a share is wanted.
    """

    def __init__(self, count: Callable[[], int], notice_room: Callable[[], None], index: int) -> None:
        self._count, self._notice_room = count, notice_room  # the deliveries at the gate, and their claiming thread
        self._name, self._index = new_id(), index  # of the row's holder, and of the publisher
        self._base: float | None = None  # the window at the last renewal
        self._alerted_at: datetime | None = None

    def share_next(self, deps: Deps) -> None:
        """Renew the share and look for an overload, then pause. Without deliveries, rest until the next one comes."""
        self.rest_if_idle(deps)
        self._lane(deps).wanted.wait()
        has_fair_part = self.renew(deps)
        self._notice_room()
        self.look_for_overload(deps)
        time.sleep(RENEWED_SECONDS if has_fair_part else SHORT_SECONDS)

    def rest_if_idle(self, deps: Deps) -> None:
        """Give the share back where this process has no deliveries."""
        if self._demand(deps):
            return
        self._lane(deps).wanted.clear()
        self._lane(deps).share = None
        if self._demand(deps):  # a delivery came meanwhile
            self._lane(deps).wanted.set()
            return
        self._give_back(deps)
        self.look_for_overload(deps)

    def renew(self, deps: Deps) -> bool:
        """Take this process's share of the window, and merge what it has learned. Raises nothing.

        Returns False where other processes still hold a part of it. Without a database the share lasts until its end.
        Without a share one delivery at a time may go.
        """
        now, ours = deps.clock.now(), self._lane(deps)
        until = now + LASTS
        try:
            with deps.db.transaction() as tx:
                shares = in_flight.lock(tx, self._index)
                size = self._learn(ours.window, shares.size)
                others = {name: holder for name, holder in shares.live(now).items() if name != self._name}
                share = ours.share
                held = share.held if share is not None else 0
                mine = Holder(self._demand(deps), held, len(ours), until)
                fair = fair_parts(ours.window.limit, {**others, self._name: mine}, now)[self._name]
                part = possible_part(ours.window, fair, others)
                if share is not None and part < held:  # before the count below, or more could enter after it
                    ours.share = replace(share, held=part, of=ours.window.limit)  # its end only once it is written
                number = len(ours)
                row = replace(mine, held=max(part, number), in_flight=number)
                in_flight.write(tx, in_flight.Shares(size, {**others, self._name: row}), self._index)
        except Unavailable as error:
            emit("in_flight.not_shared", error=error.code)
            if ours.share is None or ours.share.until <= now:
                ours.share = Share(1, ours.window.limit, until)
            return False
        ours.share = Share(part, ours.window.limit, until)
        return part >= fair

    def _give_back(self, deps: Deps) -> None:
        """Delete this process's row. Raises nothing: the row ends by itself."""
        try:
            with deps.db.transaction() as tx:
                shares = in_flight.lock(tx, self._index)
                others = {name: holder for name, holder in shares.holders.items() if name != self._name}
                in_flight.write(
                    tx, in_flight.Shares(self._learn(self._lane(deps).window, shares.size), others), self._index
                )
        except Unavailable as error:
            emit("in_flight.not_shared", error=error.code)

    def look_for_overload(self, deps: Deps) -> None:
        """Raise the alert while deliveries wait for room, renew it, and clear it afterwards. Raises nothing."""
        now = deps.clock.now()
        if self._index:  # the first lane keeps the shortage of all
            return
        if self._lane(deps).short_for(now) <= OVERLOADED_AFTER:
            if self._alerted_at is not None:
                self._alerted_at = None
                clear_alerts(deps, [OVERLOADED], "n8n")
            return
        if self._alerted_at is not None and now - self._alerted_at < OVERLOADED_RENEWED:
            return
        try:
            with deps.db.reading() as connection:
                accepted, reported = in_flight.rates(connection, now, RATE_WINDOW)
        except Unavailable:
            return
        raise_alert(deps, OVERLOADED, "n8n", overload_text(accepted, reported))
        self._alerted_at = now

    def _lane(self, deps: Deps) -> InFlight:
        return deps.in_flight.lanes[self._index]

    def _demand(self, deps: Deps) -> int:
        return self._count() + self._lane(deps).demand

    def _learn(self, window: Window, stored: float | None) -> float | None:
        """Merge the stored window with the one learned here, and use the result. Return it, None for a fixed one."""
        if window.fixed is not None:
            return None
        if stored is not None:
            window.size = stored if self._base is None else merged_size(stored, self._base, window.size)
        self._base = window.size
        return window.size
