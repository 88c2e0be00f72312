"""Poll mode: without a message service, due posts are found and dispatched here.

Invariant: any number of workers share the due posts. A reservation only keeps workers apart for a moment: the claim
decides. A worker that dies delays its reserved posts by RESERVED_FOR at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from app.delivery.dispatch import dispatch
from app.deps import Deps
from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.store.posts import reservations
from app.sweep.isolate import isolate

RESERVED_FOR = timedelta(seconds=15)  # enough to begin a batch. A lapsed reservation lets other workers try


@dataclass(frozen=True, slots=True)
class Delivered:
    """`sent` posts were dispatched here, `failed` of them for good."""

    sent: int
    failed: int


def deliver_due(deps: Deps, may_go_on: Callable[[], bool]) -> Delivered:
    """Dispatch batches of due posts, POLL_CONCURRENCY at a time, until none is due or `may_go_on` returns False.

    A slow post holds up one of these threads, no longer than n8n's timeout.

    Raises: Unavailable.
    """
    left: list[Post] = []

    def deliver(post: Post) -> Dispatched | None:
        if not may_go_on():
            left.append(post)
            return None
        return isolate(deps, lambda due: dispatch(deps, due.id, due.generation, "poll"), post)

    results = deps.run_many(deliver, _reserved(deps, may_go_on), deps.settings.poll_concurrency)
    if left:  # released now, or other workers would wait for the reservations to lapse
        with deps.db.transaction() as tx:
            reservations.release(tx, left)
    statuses = [result.status for result in results if result is not None]
    return Delivered(len(statuses) - statuses.count("ignored"), statuses.count("failed"))


def _reserved(deps: Deps, may_go_on: Callable[[], bool]) -> Iterator[Post]:
    """Yield due posts, oldest first. A batch is reserved once the one before it has been handed out."""
    while may_go_on():
        now = deps.clock.now()
        with deps.db.transaction() as tx:
            batch = reservations.take(tx, now, now - RESERVED_FOR, deps.settings.poll_batch_size)
        if not batch:
            return
        yield from batch
