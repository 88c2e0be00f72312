"""The weekly slots that the rows of a bulk call take, each slot by one row.

Invariant: the queues are locked in one order and until the end of the transaction, so no two calls take one slot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from app.accounts.slots import FreeSlots
from app.deps import Deps
from app.domain.lifecycle import Status
from app.domain.post import Post
from app.domain.times import ChosenTime
from app.store.engine import Connection


@dataclass(slots=True)
class RowSlots:
    """The queues of a chunk's accounts, and the instants that its rows have taken so far."""

    deps: Deps
    tx: Connection
    now: datetime
    _queues: dict[str, FreeSlots] = field(default_factory=dict)
    _taken: dict[str, set[datetime]] = field(default_factory=lambda: defaultdict(set))

    def lock(self, account_ids: Iterable[str]) -> None:
        """Lock the queues of these accounts."""
        for account_id in sorted(set(account_ids)):
            self._queues[account_id] = FreeSlots(self.deps, self.tx, account_id, self.now)

    def next_of(self, account_id: str, post: Post) -> ChosenTime:
        """Return the next slot that no row before this one has taken.

        Raises: Invalid (`no_slots`, `no_free_slot`).
        """
        own = post.scheduled_at if post.status is Status.SCHEDULED and post.social_account_id == account_id else None
        return self._queues[account_id].next_for(own, self._taken[account_id])

    def note(self, account_id: str, at: datetime) -> None:
        """Note that a row has taken an instant of this account, by a slot or by hand."""
        self._taken[account_id].add(at)
