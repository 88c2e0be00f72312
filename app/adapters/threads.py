"""Work done side by side in threads, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_many(work: Callable[[Any], Any], items: Iterable[Any], at_a_time: int) -> list[Any]:
    """Results in order. The first exception is raised once everything that was begun has ended."""
    rows = list(items)
    if len(rows) < 2 or at_a_time < 2:
        return [work(row) for row in rows]
    with ThreadPoolExecutor(max_workers=min(at_a_time, len(rows)), thread_name_prefix="sweep") as pool:
        return list(pool.map(work, rows))
