"""Timestamps of the stand-in: nanoseconds internally, ISO 8601 with milliseconds in its answers."""

from datetime import UTC, datetime


def iso(ns: int) -> str:
    """Format nanoseconds as `2026-12-01T08:00:00.000Z`.

    Truncates instead of rounding, so that an instant never appears later than it was.
    """
    seconds, rest = divmod(ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"
