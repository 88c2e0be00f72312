"""The lead of an alarm: how far ahead of its instant a post is woken.

Invariant: it follows the measured lateness of earlier alarms, within fixed bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

SAMPLE = 1_000  # the latest alarms that count
FEWEST = 20  # alarms before the measured lateness is believed
MARGIN_SECONDS = 0.25  # between the waking and the instant, for a token, a connection and the clocks' drift


@dataclass(slots=True)
class MeasuredLead:
    """The lead in use by this process, in seconds, and the instant of its measurement."""

    seconds: float | None = None
    measured_at: datetime | None = None


def lead_for(late_ms: Sequence[float], bounds: tuple[float, float]) -> float:
    """Return the lead in seconds for alarms that came so many milliseconds late.

    It is the 99th percentile, by nearest rank, plus a margin. With fewer than FEWEST alarms it is the lower bound.
    """
    rank = -(-len(late_ms) * 99 // 100)
    return lead_of(sorted(late_ms)[rank - 1] if late_ms else None, len(late_ms), bounds)


def lead_of(p99_ms: float | None, count: int, bounds: tuple[float, float]) -> float:
    """Return the same from the percentile of so many alarms."""
    lowest, highest = bounds
    if p99_ms is None or count < FEWEST:
        return lowest
    return min(max(p99_ms / 1000 + MARGIN_SECONDS, lowest), highest)
