"""Judges lateness beside an attack against lateness alone. Lateness is in ms, `math.inf` for a post that never came.

Invariant: an attack cannot raise its own limit, for alone is the median of all rounds.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.attack.attacks.attack import Kind
from tests.bench.figures import percentile
from tests.bench.ledger import Post

SLOW_RATIO = 2.0  # p99 beside slow sockets, in times of p99 alone
SLOW_FLOOR_MS = 5.0  # at least this much more is allowed: less is the machine's noise
OTHER_MS = 50.0  # p99 beside every other attack, above p99 alone


@dataclass(frozen=True)
class Lateness:
    """The figures of one group of posts."""

    posts: int
    p50: float
    p99: float
    most: float
    missing: int
    twice: int
    early: int


@dataclass(frozen=True)
class Verdict:
    name: str
    kind: Kind
    alone: Lateness
    beside: Lateness
    limit_ms: float  # of p99 beside the attack
    did: Mapping[str, int]  # what the attack did, by kind
    problems: Sequence[str]

    @property
    def passed(self) -> bool:
        return not self.problems


def lateness_of(posts: Sequence[Post], arrivals: Mapping[str, Sequence[float]]) -> Lateness:
    """Compute the figures from each post's first arrival."""
    came = [arrivals.get(post.key, ()) for post in posts]
    late = sorted((min(at) - post.due) * 1000 if at else math.inf for post, at in zip(posts, came, strict=True))
    return Lateness(
        posts=len(posts),
        p50=percentile(late, 50) or 0.0,
        p99=percentile(late, 99) or 0.0,
        most=late[-1] if late else 0.0,
        missing=sum(1 for at in came if not at),
        twice=sum(1 for at in came if len(at) > 1),
        early=sum(1 for ms in late if ms < 0),
    )


def median_of(rounds: Sequence[Lateness]) -> Lateness:
    """Return the medians of p50, p99 and the maximum over the rounds, and the sums of the counts."""
    return Lateness(
        posts=sum(each.posts for each in rounds),
        p50=statistics.median(each.p50 for each in rounds),
        p99=statistics.median(each.p99 for each in rounds),
        most=statistics.median(each.most for each in rounds),
        missing=sum(each.missing for each in rounds),
        twice=sum(each.twice for each in rounds),
        early=sum(each.early for each in rounds),
    )


def limit_ms(kind: Kind, alone: Lateness) -> float:
    """Return the highest p99 beside an attack of this kind."""
    if kind == "slow":
        return max(alone.p99 * SLOW_RATIO, alone.p99 + SLOW_FLOOR_MS)
    return alone.p99 + OTHER_MS


def judge(name: str, kind: Kind, alone: Lateness, beside: Lateness, did: Mapping[str, int]) -> Verdict:
    limit = limit_ms(kind, alone)
    problems = []
    if not did:
        problems.append("the attack did nothing")
    if beside.missing:
        problems.append(f"{beside.missing} missing")
    if beside.p99 > limit:
        problems.append("late")
    problems += [f"{count} {what}" for what, count in (("twice", beside.twice), ("early", beside.early)) if count]
    return Verdict(name, kind, alone, beside, limit, did, problems)
