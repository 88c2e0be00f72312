"""Lateness: the delay from the promised instant of a post to the instant of its send."""

from __future__ import annotations

from datetime import datetime


def lateness_ms(scheduled_at: datetime, sent_at: datetime) -> float:
    """Return the lateness in milliseconds, to the microsecond. A negative value means early."""
    return round((sent_at - scheduled_at).total_seconds() * 1000, 3)
