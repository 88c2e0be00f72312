"""Poll mode's delivering: without a message service, what is due is found and dispatched here.

Promise: any number of workers at once share what is due. A reservation keeps them out of each other's way for a moment
and is no right to anything: the claim decides, and a worker that dies with reservations delays their posts by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from app.delivery.dispatch import dispatch
from app.delivery.settle import Dispatched
from app.deps import Deps
from app.domain.post import Post
from app.store.posts import reservations
from app.sweep.isolate import isolate

#: Long enough to begin a batch. One that lapses while its worker is held up is a chance for the others, and no harm.
RESERVED_FOR = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Delivered:
    """`sent` posts were dispatched here, `failed` of them for good."""

    sent: int
    failed: int


def deliver_due(deps: Deps, going_on: Callable[[], bool]) -> Delivered:
    """Batch after batch, POLL_CONCURRENCY posts at a time, until nothing is due or it is no longer `going_on`. A slow
    post holds up one of them alone, and no longer than n8n's timeout. Raises Unavailable."""
    left: list[Post] = []

    def deliver(post: Post) -> Dispatched | None:
        if not going_on():
            left.append(post)
            return None
        return isolate(deps, lambda due: dispatch(deps, due.id, due.generation, "poll"), post)

    results = deps.run_many(deliver, _reserved(deps, going_on), deps.settings.poll_concurrency)
    if left:  # the others need not wait for what we shall not do
        with deps.db.transaction() as tx:
            reservations.release(tx, left)
    statuses = [result.status for result in results if result is not None]
    return Delivered(len(statuses) - statuses.count("ignored"), statuses.count("failed"))


def _reserved(deps: Deps, going_on: Callable[[], bool]) -> Iterator[Post]:
    """What is due, oldest first; a batch is reserved only as the one before it has been handed out."""
    while going_on():
        now = deps.clock.now()
        with deps.db.transaction() as tx:
            batch = reservations.take(tx, now, now - RESERVED_FOR, deps.settings.poll_batch_size)
        if not batch:
            return
        yield from batch
