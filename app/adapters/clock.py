"""Own the system clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime

SLICE_SECONDS = 0.25  # the longest delay before a stepped clock is noticed


class SystemClock:
    """The wall clock, an implementation of ports.Clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep_until(self, instant: datetime) -> None:
        """Sleep until `instant`, never less, even if NTP steps the clock."""
        while (left := (instant - self.now()).total_seconds()) > 0:
            time.sleep(min(left, SLICE_SECONDS))
