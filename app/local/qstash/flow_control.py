"""Flow control: at most `parallelism` deliveries of one key are in flight, and `rate` start in a period.

Invariant: further deliveries wait in order.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .headers import FlowControl


@dataclass(slots=True)
class _KeyLimit:
    limit: int
    active: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    def admit(self) -> None:
        """Wake waiters while slots are free.

        A slot is counted here, not when the waiter wakes, so two waiters cannot take the same slot.
        """
        while self.waiting and self.active < self.limit:
            future = self.waiting.popleft()
            if not future.done():
                self.active += 1
                future.set_result(None)


def next_start(starts: deque[float], period: float, now: float) -> float:
    """Return the first instant that keeps `starts.maxlen` starts, or fewer, in every period."""
    return max(now, starts[0] + period) if len(starts) == starts.maxlen else now


class FlowLimiter:
    """The limits by flow-control key. The latest message of a key sets its limit."""

    def __init__(self) -> None:
        self._limits: dict[str, _KeyLimit] = {}
        self._starts: dict[str, deque[float]] = {}

    @asynccontextmanager
    async def slot(self, flow: FlowControl | None) -> AsyncIterator[None]:
        """Wait for a slot of the key and for its rate, and hold the slot during the context. None: no limit."""
        if flow is None or flow.parallelism is None:
            await self._pace(flow)
            yield
            return
        limit = self._limits.setdefault(flow.key, _KeyLimit(flow.parallelism))
        limit.limit = flow.parallelism
        await self._acquire(limit)
        try:
            await self._pace(flow)
            yield
        finally:
            self._release(flow.key, limit)

    async def _pace(self, flow: FlowControl | None) -> None:
        """Wait until the rate of the key has room for one more start."""
        if flow is None or flow.rate is None:
            return
        now = asyncio.get_running_loop().time()
        starts = deque(self._starts.get(flow.key, ()), maxlen=flow.rate)
        at = next_start(starts, flow.period, now)
        starts.append(at)
        self._starts[flow.key] = starts
        await asyncio.sleep(at - now)

    async def _acquire(self, limit: _KeyLimit) -> None:
        admitted = asyncio.get_running_loop().create_future()
        limit.waiting.append(admitted)
        limit.admit()
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled():
                limit.active -= 1
                limit.admit()
            raise

    def _release(self, key: str, limit: _KeyLimit) -> None:
        limit.active -= 1
        limit.admit()
        if not limit.active and not limit.waiting:
            self._limits.pop(key, None)
