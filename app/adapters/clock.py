"""The machine's own clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime

SLICE_SECONDS = 0.25  # a clock stepped while we sleep is noticed after this much


class SystemClock:
    """ports.Clock on the wall clock, read again after every slice: early is never an option, whatever NTP does."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep_until(self, instant: datetime) -> None:
        while (left := (instant - self.now()).total_seconds()) > 0:
            time.sleep(min(left, SLICE_SECONDS))
