"""Work done side by side in threads, a bounded number at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_many(work: Callable[[Any], Any], items: Iterable[Any], at_a_time: int) -> list[Any]:
    """Results in order. An item is drawn when a thread is free for it, so `items` may be made as the work goes on. The
    first exception, the work's or that of the drawing, is raised once everything that was begun has ended."""
    lanes = min(at_a_time, len(items)) if isinstance(items, Sized) else at_a_time
    if lanes < 2:
        return [work(item) for item in items]
    numbered, one_at_a_time, results = enumerate(items), threading.Lock(), {}

    def draw() -> tuple[int, Any] | None:
        with one_at_a_time:  # a generator cannot be entered by two
            return next(numbered, None)

    def lane(_: int) -> None:
        while (drawn := draw()) is not None:
            results[drawn[0]] = work(drawn[1])

    with ThreadPoolExecutor(max_workers=lanes, thread_name_prefix="sweep") as pool:
        list(pool.map(lane, range(lanes)))
    return [results[number] for number in sorted(results)]
