"""Flow control: at most `parallelism` deliveries of one key are out at the same time; the others wait in line."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .headers import FlowControl


@dataclass(slots=True)
class _Lane:
    limit: int
    active: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    def admit(self) -> None:
        """A slot is counted when it is given, not when the waiter wakes, so two cannot take the same one."""
        while self.waiting and self.active < self.limit:
            future = self.waiting.popleft()
            if not future.done():
                self.active += 1
                future.set_result(None)


class Lanes:
    """One lane per flow-control key; the latest publish says how wide it is."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def slot(self, flow: FlowControl | None) -> AsyncIterator[None]:
        if flow is None or flow.parallelism is None:
            yield
            return
        lane = self._lanes.setdefault(flow.key, _Lane(flow.parallelism))
        lane.limit = flow.parallelism
        await self._enter(lane)
        try:
            yield
        finally:
            self._leave(flow.key, lane)

    async def _enter(self, lane: _Lane) -> None:
        turn = asyncio.get_running_loop().create_future()
        lane.waiting.append(turn)
        lane.admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                lane.active -= 1
                lane.admit()
            raise

    def _leave(self, key: str, lane: _Lane) -> None:
        lane.active -= 1
        lane.admit()
        if not lane.active and not lane.waiting:
            self._lanes.pop(key, None)
