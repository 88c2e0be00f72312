"""The windows of operators' figures, and their buckets.

Invariant: a window has at most MAX_BUCKETS buckets, so a figure of each bucket has a bounded cost.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MAX_BUCKETS = 60
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The number of buckets of each window, and the length of one.
WINDOWS: dict[str, tuple[int, timedelta]] = {
    "1h": (60, timedelta(minutes=1)),
    "24h": (48, timedelta(minutes=30)),
    "7d": (56, timedelta(hours=3)),
    "30d": (60, timedelta(hours=12)),
}


def edges_of(window: str, now: datetime) -> list[datetime]:
    """Return the begins of the window's buckets and the end of the last one. Now is in the last bucket."""
    number, step = WINDOWS[window]
    end = EPOCH + ((now - EPOCH) // step + 1) * step
    return [end - step * left for left in range(number, -1, -1)]


def minutes_of_next_hour(now: datetime) -> list[datetime]:
    """Return the begins of the clock's minutes from the present one on, and the end of the last one."""
    begin = now.replace(second=0, microsecond=0)
    return [begin + timedelta(minutes=number) for number in range(MAX_BUCKETS + 1)]
