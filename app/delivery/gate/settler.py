"""The settling thread: it settles accepted sends in groups and passes their results on.

Invariant: a send that cannot be settled in its group is settled by its own caller.
"""

from __future__ import annotations

import queue
from datetime import datetime

from app.delivery.gate.replies import Replies
from app.delivery.settle import Accepted, settle_accepted
from app.deps import Deps
from app.domain.delivery import Dispatched, ReadyDelivery
from app.domain.post import Post
from app.log import emit

MAX_SETTLED = 100


class Settler:
    """A queue of accepted sends. One thread calls `settle_next` for ever."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._queue: queue.SimpleQueue[ReadyDelivery] = queue.SimpleQueue()

    def put(self, delivery: ReadyDelivery) -> None:
        """Queue one accepted delivery."""
        self._queue.put(delivery)

    def settle_next(self, deps: Deps) -> None:
        """Wait for accepted sends and settle those of the moment."""
        group = [self._queue.get()]
        while len(group) < MAX_SETTLED and not self._queue.empty():
            group.append(self._queue.get())
        self._settle(deps, group)

    def _settle(self, deps: Deps, group: list[ReadyDelivery]) -> None:
        leased: dict[str, tuple[Post, datetime]] = {}
        try:
            settled = settle_accepted(deps, [_accepted(delivery) for delivery in group])
            alone, leased = settled.left, {post.id: (post, until) for post, until in settled.leased}
        except Exception as error:
            emit("gate.settle_alone", count=len(group), error=type(error).__name__)
            alone = {delivery.post.id for delivery in group}
        for delivery in group:
            if delivery.post.id in alone:  # its caller settles it, and must not wait for the others' replies
                delivery.future.set_result(None)
            else:
                self._replies.put((delivery, Dispatched("dispatched"), leased.get(delivery.post.id)))


def _accepted(delivery: ReadyDelivery) -> Accepted:
    assert delivery.claimed is not None
    assert delivery.verdict is not None
    assert delivery.sent_at is not None
    assert delivery.answered_at is not None
    return Accepted(
        delivery.claimed,
        delivery.verdict,
        delivery.sent_at,
        delivery.answered_at,
        delivery.circuit,
        delivery.request_id,
    )
