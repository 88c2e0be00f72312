"""Instants as the stand-in writes them: nanoseconds inside, ISO 8601 with milliseconds outside."""

from datetime import UTC, datetime


def iso(ns: int) -> str:
    """`2026-12-01T08:00:00.000Z`; cut, not rounded, so that an instant never seems later than it was."""
    seconds, rest = divmod(ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"
