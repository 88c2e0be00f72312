"""The replying thread: it arms the ends of leases in batches and wakes the callers of settled sends.

Invariant: no caller waits longer than MAX_REPLY_DELAY_SECONDS and one call to the message service, however busy the
gate is. A caller wakes after its alarm is armed, because a serverless process is frozen after its last answer.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from datetime import datetime

from app.alarms import arm_lease_ends
from app.deps import Deps
from app.domain.delivery import Dispatched, ReadyDelivery
from app.domain.post import Post

MAX_REPLY_DELAY_SECONDS = 1.0
MAX_REPLIES = 100
REPLIES_AT_ONCE = 4
POLL_SECONDS = 0.002

#: A settled delivery, its result, and its post with the end of the lease where one is armed.
Reply = tuple[ReadyDelivery, Dispatched, tuple[Post, datetime] | None]


class Replies:
    """A queue of settled sends. One thread calls `reply_next` for ever."""

    def __init__(self, is_busy: Callable[[Deps], bool]) -> None:
        self._is_busy = is_busy
        self._queue: queue.SimpleQueue[tuple[float, Reply]] = queue.SimpleQueue()

    def put(self, reply: Reply) -> None:
        """Queue the result of one delivery."""
        self._queue.put((time.monotonic() + MAX_REPLY_DELAY_SECONDS, reply))

    def reply_next(self, deps: Deps) -> None:
        """Wait for settled sends and for a moment without sends, then reply to their callers."""
        by, first = self._queue.get()
        self._wait_for_quiet(deps, by)
        group = [first]
        while len(group) < MAX_REPLIES and not self._queue.empty():
            group.append(self._queue.get()[1])
        try:
            arm_lease_ends(deps, [leased for _, _, leased in group if leased is not None])
        finally:
            for index, (delivery, result, _) in enumerate(group):
                if index and index % REPLIES_AT_ONCE == 0:
                    time.sleep(POLL_SECONDS)
                    self._wait_for_quiet(deps, by)
                delivery.future.set_result(result)

    def _wait_for_quiet(self, deps: Deps, by: float) -> None:
        """Wait while the gate is busy, until `by`: callers that wake up take the processor from the senders."""
        while self._is_busy(deps) and time.monotonic() < by:
            time.sleep(POLL_SECONDS)
