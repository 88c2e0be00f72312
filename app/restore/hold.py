"""Hold the posts that may have gone out in a time that the database has forgotten.

Invariant: a held post is `failed` with `outcome_unknown`, and only `force` sends it again. A late report still wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from app.deps import Deps
from app.domain.errors import Locked
from app.domain.explanations import SENTENCES
from app.domain.post import Post
from app.store.engine import Connection
from app.store.operations import recovery_holds
from app.store.operations.recovery_holds import Rollback
from app.store.posts import restored, transitions

Page = Callable[[Connection, int, tuple[datetime, str] | None], list[Post]]
CODE = "outcome_unknown"
LOST = "The database went back in time. This attempt may have been made before."


def in_doubt(deps: Deps, until: datetime, claimed_before: datetime | None) -> Iterator[list[Post]]:
    """Yield batches of posts that may be out: those due by `until`, and those in flight.

    Posts in flight that were changed since `claimed_before` are left out.
    """
    yield from pages(deps, lambda c, n, after: restored.due(c, until, n, after), "next_attempt_at")
    yield from pages(deps, lambda c, n, after: restored.in_flight(c, claimed_before, n, after), "lease_until")


def pages(deps: Deps, find: Page, key: str) -> Iterator[list[Post]]:
    """Yield all batches of a query, paged by `key` and id."""
    after: tuple[datetime, str] | None = None
    while True:
        with deps.db.reading() as connection:
            batch = find(connection, deps.settings.sweep_batch_size, after)
        if not batch:
            return
        after = (getattr(batch[-1], key), batch[-1].id)
        yield batch


def hold_batch(deps: Deps, rollback: Rollback, batch: Sequence[Post]) -> list[Post]:
    """Hold these posts in one transaction, and return them as they are now.

    A post changed meanwhile is left out. So is a post locked by another transaction, which stays in doubt.

    Raises: Unavailable.
    """
    with suppress(Locked):
        return _hold(deps, rollback, batch)
    held = []
    for post in batch:
        with suppress(Locked):
            held += _hold(deps, rollback, [post])
    return held


def _hold(deps: Deps, rollback: Rollback, batch: Sequence[Post]) -> list[Post]:
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        held = [after for post in batch if (after := _hold_one(tx, deps, rollback, post, now)) is not None]
        if held:
            recovery_holds.add_held(tx, rollback, len(held))
    return held


def _hold_one(tx: Connection, deps: Deps, rollback: Rollback, post: Post, now: datetime) -> Post | None:
    message, lost = SENTENCES[CODE], lost_armings(rollback.since, now)
    held = transitions.hold_after_restore(tx, post, code=CODE, message=message, lost_armings=lost, now=now)
    if held is not None:
        record = partial(restored.record_lost_attempt, tx, post, held, since=rollback.since, now=now)
        record(trigger="poll" if deps.messages is None else "message", message=LOST)
    return held


def lost_armings(since: datetime, now: datetime) -> int:
    """Return more armings than a post can have had in the lost time, at one per second."""
    return max(now - since, timedelta(0)) // timedelta(seconds=1) + 1
