"""The weekly slots of an account's queue: read, set, preview, and take the next free one.

A slot is free while no post of the account is scheduled for exactly its instant, by a slot or by hand.
Invariant: two posts never take one slot, on either database.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile

from app.audit import record
from app.companies.permissions import account_for
from app.deps import Deps
from app.domain.audit import Action
from app.domain.companies import Right
from app.domain.errors import NotFound
from app.domain.slots import Queue, no_free_slot, no_slots
from app.domain.times import ChosenTime
from app.store.accounts import queues
from app.store.engine import Connection

SLOTS_AT_ONCE = 200  # compared with the posts by one statement


def read_slots(deps: Deps, user_id: str, account_id: str) -> Queue:
    """Return the account's queue, an empty one where none was ever set.

    Raises: NotFound.
    """
    with deps.db.reading() as connection:
        account_for(connection, user_id, account_id, Right.READ)
        return queues.read_queue(connection, account_id)


def set_slots(deps: Deps, user_id: str, account_id: str, queue: Queue) -> None:
    """Replace the account's slots. Posts that are scheduled already keep their times.

    Raises: NotFound, Forbidden.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        account = account_for(tx, user_id, account_id, Right.WRITE)
        if not queues.put_queue(tx, account_id, queue, now):
            raise NotFound("account_not_found", "There is no such account.")
        target, company_id = f"account:{account_id}", account.company_id
        record(tx, user_id, Action.ACCOUNT_CHANGED, target, now, company_id=company_id, fields=["slots", "time_zone"])


def preview_slots(deps: Deps, user_id: str, account_id: str, count: int) -> tuple[Queue, list[ChosenTime]]:
    """Return the account's queue and its next free slots, `count` of them at most.

    Raises: NotFound.
    """
    with deps.db.reading() as connection:
        account_for(connection, user_id, account_id, Right.READ)
        queue = queues.read_queue(connection, account_id)
        free = islice(_free(deps, connection, queue, account_id, deps.clock.now()), count)
        return queue, [queue.chosen(at) for at in free]


def take_next_slot(deps: Deps, tx: Connection, account_id: str, post_id: str, now: datetime) -> ChosenTime:
    """Return the next free slot. It stays free for this transaction alone, which schedules the post.

    Raises: Invalid (`no_slots`, `no_free_slot`).
    """
    queue = queues.lock_queue(tx, account_id)
    if not queue.slots:
        raise no_slots(account_id)
    at = next(_free(deps, tx, queue, account_id, now, post_id), None)
    if at is None:
        raise no_free_slot(deps.settings.max_schedule_days)
    return queue.chosen(at)


class FreeSlots:
    """The free slots of one account for many posts of one transaction. Others wait for its end."""

    def __init__(self, deps: Deps, tx: Connection, account_id: str, now: datetime) -> None:
        self._account_id, self._now, self._days = account_id, now, deps.settings.max_schedule_days
        self._queue = queues.lock_queue(tx, account_id)
        self._left = _free(deps, tx, self._queue, account_id, now)
        self._first: datetime | None = None

    def next_for(self, own: datetime | None, taken: Container[datetime]) -> ChosenTime:
        """Return the next free slot that is not in `taken`. `own` is the instant that the post has, if any.

        A slot that the post has is free for it, so a repeated call moves nothing.

        Raises: Invalid (`no_slots`, `no_free_slot`).
        """
        if not self._queue.slots:
            raise no_slots(self._account_id)
        while self._first is None or self._first in taken:
            self._first = next(self._left, None)
            if self._first is None:
                break
        kept = own if own is not None and own not in taken and self._is_slot(own) else None
        found = min(filter(None, (kept, self._first)), default=None)
        if found is None:
            raise no_free_slot(self._days)
        return self._queue.chosen(found)

    def _is_slot(self, at: datetime) -> bool:
        return at in takewhile(lambda instant: instant <= at, self._queue.instants(self._now))


def _free(
    deps: Deps, connection: Connection, queue: Queue, account_id: str, now: datetime, post_id: str | None = None
) -> Iterator[datetime]:
    """Yield the free instants up to MAX_SCHEDULE_DAYS. A slot of this post itself is free."""
    last = now + timedelta(days=deps.settings.max_schedule_days)
    instants = takewhile(lambda at: at <= last, queue.instants(now))
    while group := list(islice(instants, SLOTS_AT_ONCE)):
        taken = queues.taken(connection, account_id, group, post_id)
        yield from (at for at in group if at not in taken)
