"""Figures over time for operators: lateness and its causes, attempts, the next hour, sweeps.

Invariant: this file only reads, no user's text or token is in an answer, and each figure has a bounded cost.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.deps import Deps
from app.domain.late_causes import CAUSES, LateSend, Passed, cause_of, promise_of
from app.domain.percentiles import percentiles
from app.domain.time_windows import WINDOWS, edges_of, minutes_of_next_hour
from app.store.operations import series, sweep_runs
from app.store.posts import late

SHOWN_LATE, SHOWN_SWEEPS = 50, 100
#: The upper bounds of the histogram's bars in ms. A last bar has all above.
BARS = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 5_000.0, 30_000.0, 120_000.0)


def lateness(deps: Deps, window: str) -> dict[str, Any]:
    """Return the lateness of first attempts by bucket and by platform, its histogram, and the latest late sends.

    Of each bucket the latest LATENESS_SAMPLE attempts count.
    """
    now = deps.clock.now()
    edges = edges_of(window, now)
    with deps.db.reading() as connection:
        found = series.lateness(connection, edges)
        latest = late.latest_late(connection, edges[0], SHOWN_LATE)
        passed = late.passed_by(connection, {one.post_id for one in latest})
    by_bucket: list[list[float]] = [[] for _ in edges[1:]]
    by_platform: dict[str, list[float]] = {}
    for one in found:
        by_bucket[one.bucket].append(one.ms)
        by_platform.setdefault(one.platform, []).append(one.ms)
    every = [one.ms for one in found]
    return {
        **_window(window, edges),
        "sample_per_bucket": series.LATENESS_SAMPLE,
        "bars_ms": list(BARS),
        "all": _of(every),
        "platforms": [{"platform": name, **_of(of)} for name, of in sorted(by_platform.items())],
        "buckets": [{"at": at, **percentiles(ms)} for at, ms in zip(edges, by_bucket, strict=False)],
        "latest_late": [_late(one, passed.get(one.post_id, [])) for one in latest],
    }


def attempts(deps: Deps, window: str) -> dict[str, Any]:
    """Return the attempts of each bucket with their outcomes.

    Of each bucket the latest OUTCOME_SAMPLE attempts show their outcomes. The posts due in each minute of the next hour
    are there too.
    """
    now = deps.clock.now()
    edges, minutes = edges_of(window, now), minutes_of_next_hour(now)
    with deps.db.reading() as connection:
        numbers = series.attempts_by_bucket(connection, edges)
        outcomes = series.outcomes_by_bucket(connection, edges)
        due = series.due_by_bucket(connection, minutes)
    total: dict[str, int] = {}
    for of in outcomes:
        for outcome, number in of.items():
            total[outcome] = total.get(outcome, 0) + number
    hours = (edges[-1] - edges[0]).total_seconds() / 3600
    return {
        **_window(window, edges),
        "sample_per_bucket": series.OUTCOME_SAMPLE,
        "count": sum(_shown(number, series.MOST_ATTEMPTS)["count"] for number in numbers),
        "per_hour": round(sum(min(number, series.MOST_ATTEMPTS) for number in numbers) / hours, 1),
        "outcomes": dict(sorted(total.items())),
        "buckets": [
            {"at": at, **_shown(number, series.MOST_ATTEMPTS), "outcomes": dict(sorted(of.items()))}
            for at, number, of in zip(edges, numbers, outcomes, strict=False)
        ],
        "next_hour": [{"at": at, **_shown(number, series.MOST_DUE)} for at, number in zip(minutes, due, strict=False)],
    }


def sweeps(deps: Deps) -> dict[str, Any]:
    """Return the latest runs of the sweep, newest first."""
    with deps.db.reading() as connection:
        return {"runs": sweep_runs.latest_runs(connection, SHOWN_SWEEPS)}


def _window(window: str, edges: Sequence[datetime]) -> dict[str, Any]:
    seconds = int(WINDOWS[window][1].total_seconds())
    return {"window": window, "start": edges[0], "end": edges[-1], "bucket_seconds": seconds}


def _shown(number: int, most: int) -> dict[str, Any]:
    """Return a bounded count, and whether there are more."""
    return {"count": min(number, most), "more": number > most}


def _of(values: Sequence[float]) -> dict[str, Any]:
    bars = [0] * (len(BARS) + 1)
    for ms in values:
        bars[bisect_right(BARS, ms)] += 1
    return {**percentiles(values), "histogram": bars}


def _late(one: LateSend, passed: Sequence[Passed]) -> dict[str, Any]:
    cause = cause_of(one, passed)
    return {
        "post_id": one.post_id,
        "platform": one.platform,
        "attempt": one.attempt,
        "promised_at": promise_of(one),
        "woken_at": one.woken_at,
        "sent_at": one.sent_at,
        "lateness_ms": one.lateness_ms,
        "trigger": one.trigger,
        "cause": {"code": cause, "message": CAUSES[cause], "former_code": one.former_code},
    }
