"""One heap and one timer: calls back at wall-clock instants, to the millisecond and never before.

The timer sleeps on the loop's monotonic clock; each ring asks the wall clock again, so a step of it is noticed.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

# A stepped or suspended clock costs at most this much; a quiet alarm wakes once in that time.
LONGEST_SLEEP = 1.0
# The selector rounds its waiting up to whole milliseconds; the last one is spent turning the loop instead.
SELECTOR_GRAIN = 0.0015


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Alarm:
    """Calls `callback` once for every key set, when its instant has come."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self._entries: dict[str, tuple[int, Callable[[], None]]] = {}
        self._serial = itertools.count()
        self._handle: asyncio.Handle | None = None
        self._stopped = False

    def set(self, key: str, at_ms: int, callback: Callable[[], None]) -> None:
        serial = next(self._serial)
        self._entries[key] = (serial, callback)
        heapq.heappush(self._heap, (at_ms, serial, key))
        if self._heap[0][1] == serial:
            self._arm()

    def clear(self, key: str) -> None:
        self._entries.pop(key, None)

    def stop(self) -> None:
        self._stopped = True
        self._disarm()

    def _ring(self) -> None:
        """One at a time: in a burst, the first are under way and their connections free again before the last ring."""
        self._handle = None
        if self._heap and self._heap[0][0] <= wall_ms():
            _, serial, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            if entry is not None and entry[0] == serial:
                del self._entries[key]
                entry[1]()
        self._arm()

    def _arm(self) -> None:
        self._disarm()
        self._drop_stale()
        if self._stopped or not self._heap:
            return
        loop = asyncio.get_running_loop()
        remaining = self._heap[0][0] / 1000 - time.time()
        if remaining <= SELECTOR_GRAIN:
            self._handle = loop.call_soon(self._ring)
        else:
            self._handle = loop.call_later(min(remaining - SELECTOR_GRAIN, LONGEST_SLEEP), self._ring)

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _drop_stale(self) -> None:
        """A cleared or moved entry stays in the heap until it comes to the top."""
        while self._heap:
            _, serial, key = self._heap[0]
            entry = self._entries.get(key)
            if entry is not None and entry[0] == serial:
                return
            heapq.heappop(self._heap)
