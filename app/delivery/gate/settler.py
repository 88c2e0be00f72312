"""The settling thread: it settles accepted sends in groups and replies to their callers.

Invariant: no caller waits longer than MAX_REPLY_DELAY_SECONDS after its settle, however busy the gate is.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable

from app.delivery.settle import Accepted, settle_accepted
from app.deps import Deps
from app.domain.delivery import Dispatched, ReadyDelivery
from app.log import emit

MAX_SETTLED = 100
REPLIES_AT_ONCE = 16
MAX_REPLY_DELAY_SECONDS = 1.0
POLL_SECONDS = 0.002

#: When the caller must have its reply at the latest (monotonic), the delivery, and its result or None to settle alone.
Reply = tuple[float, ReadyDelivery, Dispatched | None]


class Settler:
    """A queue of accepted sends. One thread calls `settle_next` for ever."""

    def __init__(self, is_busy: Callable[[Deps], bool]) -> None:
        self._is_busy = is_busy
        self._queue: queue.SimpleQueue[ReadyDelivery] = queue.SimpleQueue()
        self._replies: deque[Reply] = deque()

    def put(self, delivery: ReadyDelivery) -> None:
        """Queue one accepted delivery."""
        self._queue.put(delivery)

    def settle_next(self, deps: Deps) -> None:
        """Settle the accepted sends of the moment, then reply to callers while the gate has nothing to send."""
        if group := self._next_group():
            self._settle(deps, group)
        while self._replies and (not self._is_busy(deps) or time.monotonic() > self._replies[0][0]):
            for _ in range(min(len(self._replies), REPLIES_AT_ONCE)):
                _, delivery, result = self._replies.popleft()
                delivery.future.set_result(result)
            if not self._queue.empty():
                return
            time.sleep(POLL_SECONDS)

    def _next_group(self) -> list[ReadyDelivery]:
        """Wait for accepted sends. Return none after a moment where a reply may be due."""
        try:
            group = [self._queue.get(timeout=POLL_SECONDS if self._replies else None)]
        except queue.Empty:
            return []
        while len(group) < MAX_SETTLED and not self._queue.empty():
            group.append(self._queue.get())
        return group

    def _settle(self, deps: Deps, group: list[ReadyDelivery]) -> None:
        result: Dispatched | None = Dispatched("dispatched")
        try:
            settle_accepted(deps, [_accepted(delivery) for delivery in group])
        except Exception as error:
            emit("gate.settle_alone", count=len(group), error=type(error).__name__)
            result = None
        # Replies can wait. Hundreds of callers that wake up for theirs would take the processor from the senders.
        by = time.monotonic() + MAX_REPLY_DELAY_SECONDS
        self._replies.extend((by, delivery, result) for delivery in group)


def _accepted(delivery: ReadyDelivery) -> Accepted:
    assert delivery.claimed is not None
    assert delivery.verdict is not None
    assert delivery.sent_at is not None
    return Accepted(delivery.claimed, delivery.verdict, delivery.sent_at, delivery.circuit)
