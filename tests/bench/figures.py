"""Computes figures from arrivals. Lateness is arrival − due instant in ms, negative when early."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.bench.disk_watch import Stall, held_seconds
from tests.bench.ledger import Post

LATE_SECONDS = 0.02  # a post of its own instant that comes later is looked into
HELD_SHARE = 0.5  # of its lateness, during which the disk stalled: then the disk made it late


@dataclass(frozen=True)
class Figures:
    """The figures of one run. None means not measured by this workload."""

    posts: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    first_ms: float | None = None
    last_ms: float | None = None
    per_second: float | None = None
    early: int | None = None
    lost: int | None = None
    twice: int | None = None
    undecided: int | None = None
    done_after_s: float | None = None
    before_restart: float | None = None  # posts that had arrived before the restart
    call_ms: float | None = None  # of processor, for one schedule call
    rates: Mapping[str, float] = field(default_factory=dict)
    lateness_ms: Sequence[float] = ()
    late: int | None = None  # posts over LATE_SECONDS late, where each has an instant of its own
    late_by_disk: int | None = None  # of these, held by the disk
    late_posts: Sequence[tuple[float, float]] = ()  # instant and arrival of each, in unix seconds


def lateness_figures(posts: Sequence[Post], arrivals: Mapping[str, Sequence[float]], burst: bool) -> Figures:
    """Compute the figures from each post's first arrival.

    Posts per second are counted from the common instant to the last arrival, and for a burst only.
    """
    first = {post.key: min(arrivals[post.key]) - post.due for post in posts if arrivals.get(post.key)}
    lateness = sorted(seconds * 1000 for seconds in first.values())
    late = [] if burst else [(post.due, post.due + first[post.key]) for post in posts if _is_late(first, post)]
    rate = len(lateness) * 1000 / lateness[-1] if burst and lateness and lateness[-1] > 0 else None
    return Figures(
        posts=len(posts),
        p50_ms=percentile(lateness, 50),
        p99_ms=percentile(lateness, 99),
        first_ms=lateness[0] if lateness else None,
        last_ms=lateness[-1] if lateness else None,
        per_second=rate,
        early=sum(1 for ms in lateness if ms < 0),
        lost=len(posts) - len(lateness),
        twice=sum(1 for post in posts if len(arrivals.get(post.key, ())) > 1),
        lateness_ms=[round(ms, 3) for ms in lateness],
        late=None if burst else len(late),
        late_posts=late,
    )


def _is_late(first: Mapping[str, float], post: Post) -> bool:
    return first.get(post.key, 0.0) > LATE_SECONDS


def with_disk(figures: Figures, stalls: Sequence[Stall]) -> Figures:
    """Count the late posts that the disk held."""
    if figures.late is None:
        return figures
    held = sum(1 for due, came in figures.late_posts if held_seconds(stalls, due, came) >= HELD_SHARE * (came - due))
    return replace(figures, late_by_disk=held)


def percentile(ordered: Sequence[float], part: float) -> float | None:
    """Return the percentile by nearest rank: always a measured value. None without values."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(len(ordered) * part / 100) - 1)]


def medians(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure over the runs, and the lateness of all runs."""
    names = (
        "p50_ms",
        "p99_ms",
        "first_ms",
        "last_ms",
        "per_second",
        "early",
        "lost",
        "twice",
        "undecided",
        "done_after_s",
        "before_restart",
        "call_ms",
        "late",
        "late_by_disk",
    )
    middle = {name: _median([getattr(run, name) for run in runs]) for name in names}
    rates = {rate: statistics.median(run.rates[rate] for run in runs) for rate in (runs[0].rates if runs else ())}
    lateness = [ms for run in runs for ms in run.lateness_ms]
    return Figures(posts=runs[0].posts, rates=rates, lateness_ms=lateness, **middle)  # type: ignore[arg-type]


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if len(known) == len(values) and known else None
