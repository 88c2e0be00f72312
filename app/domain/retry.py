"""When a failed try is tried again: one policy, exponential, jittered, with Retry-After honoured and clamped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

JITTER = 0.1
FACTOR = 2.0
MAX_RETRY_AFTER_SECONDS = 3600.0
MAX_DELAY_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`max_retries` tries after the first; the n-th retry waits `base_seconds` × 2ⁿ⁻¹, ±10 %."""

    max_retries: int
    base_seconds: float

    def delay(self, failed_before: int, random: float, retry_after: float | None = None) -> timedelta:
        """How long to wait after a failure that `failed_before` counted failures precede. `random` is in [0, 1)."""
        exponent = min(failed_before, max(self.max_retries - 1, 0), 30)
        seconds = min(self.base_seconds * FACTOR**exponent, MAX_DELAY_SECONDS)
        seconds *= 1 + JITTER * (2 * random - 1)
        if retry_after is not None:
            seconds = max(seconds, min(retry_after, MAX_RETRY_AFTER_SECONDS))
        return timedelta(seconds=seconds)

    def next_delay(self, failed_before: int, random: float, retry_after: float | None = None) -> timedelta | None:
        """The same, or None when the budget is spent."""
        if failed_before >= self.max_retries:
            return None
        return self.delay(failed_before, random, retry_after)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header (RFC 9110, 10.2.3: seconds or an HTTP date); None when absent or unreadable."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())
