"""The delay before a retry: exponential backoff with jitter, and Retry-After up to a bound.

With the defaults (base 120 s, 3 retries) the delays are 2, 4 and 8 minutes, each ±10 %.
"""

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
    """The number of retries after the first try, and the delay of the first retry in seconds.

    The n-th retry waits `base_seconds` × 2ⁿ⁻¹, ±10 %.
    """

    max_retries: int
    base_seconds: float

    def delay(self, failed_before: int, random: float, retry_after: float | None = None) -> timedelta:
        """Return the delay after a failure.

        `failed_before` is the number of counted failures before this one. `random` is in [0, 1). `retry_after` is the
        service's own request in seconds, honoured up to MAX_RETRY_AFTER_SECONDS.
        """
        exponent = min(failed_before, max(self.max_retries - 1, 0), 30)
        seconds = min(self.base_seconds * FACTOR**exponent, MAX_DELAY_SECONDS)
        seconds *= 1 + JITTER * (2 * random - 1)
        if retry_after is not None:
            seconds = max(seconds, min(retry_after, MAX_RETRY_AFTER_SECONDS))
        return timedelta(seconds=seconds)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header as seconds from `now`. Returns None when absent or unreadable.

    RFC 9110, section 10.2.3: the value is a number of seconds or an HTTP date.
    """
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
