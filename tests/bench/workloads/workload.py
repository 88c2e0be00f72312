"""Sizes of the workloads and their common steps: head start, warm-up and the wait for arrivals."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.local.errors import StackError
from app.local.stop_signal import StopSignal
from tests.bench.figures import Figures
from tests.bench.ledger import Ledger, Post
from tests.bench.systems.system import System

CONCURRENT_CALLS = 16
WARM_SECONDS = 15.0
SETTLE_SECONDS = 0.5  # for second copies to arrive


@dataclass(frozen=True)
class Sizes:
    """Numbers of posts and waiting times of all workloads."""

    posts: int = 1000
    quiet_posts: int = 200
    quiet_seconds: float = 40.0
    rough_posts: int = 100  # that teach the lead
    rough_rest_seconds: float = 35.0  # longer than LEAD_FRESH in app/alarms.py
    crash_posts: int = 500
    crash_after: int = 100
    wait_seconds: float = 60.0
    warm_posts: int = 64
    head_seconds: float = 4.0  # from the first schedule call to the instant, and longer for many posts


class Workload(Protocol):
    def __call__(self, system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal) -> Figures: ...


def start_instant(system: System, posts: int, sizes: Sizes) -> float:
    """Return a whole unix second that leaves time to schedule all posts before it."""
    return math.ceil(time.time() + sizes.head_seconds + posts * system.pace)


def schedule(system: System, posts: Sequence[Post]) -> None:
    system.schedule(posts, CONCURRENT_CALLS)
    if min(post.due for post in posts) - time.time() < 0:
        raise StackError(f"{system.name} took longer to schedule {len(posts)} posts than the head start allows")


def collect(ledger: Ledger, posts: Sequence[Post], wait_seconds: float, stop: StopSignal) -> dict[str, list[float]]:
    """Return the arrivals of these posts, once all have arrived or the wait is over.

    The ledger is not polled before the last due instant.
    """
    last = max(post.due for post in posts)
    stop.pause(max(0.0, last - time.time()))
    ledger.wait_for(len(posts), last + wait_seconds, stop.pause)
    stop.pause(SETTLE_SECONDS)
    return ledger.arrivals({post.key for post in posts})


def warm_up(system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal) -> None:
    """Send a few uncounted posts, so every system has finished its imports and opened its connections."""
    if not sizes.warm_posts:
        return
    keys = system.new_keys(sizes.warm_posts)
    due = start_instant(system, len(keys), sizes)
    posts = [Post(key, due) for key in keys]
    schedule(system, posts)
    collect(ledger, posts, WARM_SECONDS, stop)
    ledger.clear()
