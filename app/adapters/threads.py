"""Run work in parallel threads, with a limit on their number."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sized
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any


def run_many(work: Callable[[Any], Any], items: Iterable[Any], at_a_time: int) -> list[Any]:
    """Call `work` on each item in at most `at_a_time` threads.

    Each thread takes its next item when it is free, so `items` can be a generator that fills slowly. Returns the
    results in the order of the items.

    Raises: the first exception of `work` or of `items`, after all started work has ended.
    """
    lanes = min(at_a_time, len(items)) if isinstance(items, Sized) else at_a_time
    if lanes < 2:
        return [work(item) for item in items]
    numbered, drawing, results = enumerate(items), threading.Lock(), {}

    def draw() -> tuple[int, Any] | None:
        with drawing:  # two threads must not enter a generator
            return next(numbered, None)

    def run_lane() -> None:
        while (drawn := draw()) is not None:
            results[drawn[0]] = work(drawn[1])

    contexts = [copy_context() for _ in range(lanes)]  # with the id of the request for the log
    with ThreadPoolExecutor(max_workers=lanes, thread_name_prefix="sweep") as pool:
        list(pool.map(lambda context: context.run(run_lane), contexts))
    return [results[number] for number in sorted(results)]
