"""Timers at wall-clock instants: one heap and one event-loop handle, exact to the millisecond.

Invariant: no timer fires before its instant. The loop sleeps on its monotonic clock and reads the wall clock again at
each wake-up, so it notices a step of the wall clock.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

# Bounds the lateness after a step or a suspension of the clock. Idle timers wake up this often.
MAX_SLEEP_SECONDS = 1.0
# The selector rounds its timeout up to whole milliseconds, so the loop polls during the last one.
SELECTOR_ROUNDING_SECONDS = 0.0015


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Timers:
    """A set of timers by key. Each calls its callback once."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self._entries: dict[str, tuple[int, Callable[[], None]]] = {}
        self._serial = itertools.count()
        self._handle: asyncio.Handle | None = None
        self._stopped = False

    def set(self, key: str, at_ms: int, callback: Callable[[], None]) -> None:
        """Set the timer of a key, or move it to `at_ms` (Unix time)."""
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

    def _fire(self) -> None:
        """Call at most one callback, then return to the loop.

        In a burst the first deliveries then end, and free their connections, before the last ones start.
        """
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
        if remaining <= SELECTOR_ROUNDING_SECONDS:
            self._handle = loop.call_soon(self._fire)
        else:
            self._handle = loop.call_later(min(remaining - SELECTOR_ROUNDING_SECONDS, MAX_SLEEP_SECONDS), self._fire)

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _drop_stale(self) -> None:
        """Remove cleared and moved entries from the top of the heap. Others stay until they reach the top."""
        while self._heap:
            _, serial, key = self._heap[0]
            entry = self._entries.get(key)
            if entry is not None and entry[0] == serial:
                return
            heapq.heappop(self._heap)
