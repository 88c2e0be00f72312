"""Percentiles of measured times, by nearest rank."""

from __future__ import annotations

from collections.abc import Sequence

SHARES = {"p50_ms": 500, "p95_ms": 950, "p99_ms": 990, "max_ms": 1000}


def percentiles(values: Sequence[float]) -> dict[str, float | int | None]:
    """Return the percentiles in ms, None without values, and the number of values."""
    ordered = sorted(values)
    number = len(ordered)
    ranks = {name: (share * number + 999) // 1000 for name, share in SHARES.items()}
    return {name: round(ordered[rank - 1], 3) if number else None for name, rank in ranks.items()} | {"count": number}
