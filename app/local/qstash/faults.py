"""Faults on request, for tests and demos: lost messages, outages of the API, slow deliveries."""

import random
import time
from dataclasses import dataclass

OUTAGE_MODES = ("503", "drop-after-accept")


@dataclass(slots=True)
class Faults:
    """The requested faults. They do not survive a restart."""

    drop_next: int = 0
    outage_mode: str = ""
    outage_ends: float = 0.0
    slow_seconds: float = 0.0
    cold_seconds: float = 0.0
    cold_share: float = 0.0

    def take_drop(self) -> bool:
        """Return True if the present message must be lost, and count it."""
        if self.drop_next <= 0:
            return False
        self.drop_next -= 1
        return True

    def outage(self) -> str:
        """Return the mode of the present outage, or an empty string."""
        return self.outage_mode if time.monotonic() < self.outage_ends else ""

    def begin_outage(self, mode: str, seconds: float | None) -> None:
        """Start an outage. `seconds` None: until it is ended."""
        self.outage_mode = mode
        self.outage_ends = float("inf") if seconds is None else time.monotonic() + seconds

    def end_outage(self) -> None:
        self.outage_mode, self.outage_ends = "", 0.0

    def delay(self) -> float:
        """Return the seconds of the next delivery's delay: a random part, and in some a cold start of the receiver."""
        cold = self.cold_seconds if random.random() < self.cold_share else 0.0
        return random.uniform(0.0, self.slow_seconds) + cold

    def clear(self) -> None:
        self.drop_next = 0
        self.slow_seconds = self.cold_seconds = self.cold_share = 0.0
        self.end_outage()
