"""What a work may be told, and what all share: the head start, the warming up, and the wait for the last arrival."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.local.errors import StackError
from app.local.stop_signal import StopSign
from tests.bench.figures import Figures
from tests.bench.ledger import Ledger, Post
from tests.bench.systems.system import System

AT_A_TIME = 16
WARM_SECONDS = 15.0
SETTLE_SECONDS = 0.5  # whatever would arrive twice has that long to show


@dataclass(frozen=True)
class Sizes:
    """How much of everything, and how long to wait for what does not come."""

    posts: int = 1000
    quiet_posts: int = 200
    quiet_seconds: float = 40.0
    crash_posts: int = 500
    crash_after: int = 100
    wait_seconds: float = 60.0
    warm_posts: int = 64
    head_seconds: float = 4.0  # from the first call to schedule to the instant, and more for many posts


class Work(Protocol):
    def __call__(self, system: System, ledger: Ledger, sizes: Sizes, stop: StopSign) -> Figures: ...


def start_instant(system: System, posts: int, sizes: Sizes) -> float:
    """A whole second far enough ahead that all can be scheduled before it."""
    return math.ceil(time.time() + sizes.head_seconds + posts * system.pace)


def schedule(system: System, posts: Sequence[Post]) -> None:
    system.schedule(posts, AT_A_TIME)
    if min(post.due for post in posts) - time.time() < 0:
        raise StackError(f"{system.name} took longer to schedule {len(posts)} posts than it was given")


def collect(ledger: Ledger, posts: Sequence[Post], wait_seconds: float, stop: StopSign) -> dict[str, list[float]]:
    """The arrivals of these posts, once all are there or the wait is over. Nobody looks before the last is due."""
    last = max(post.due for post in posts)
    stop.pause(max(0.0, last - time.time()))
    ledger.wait_for(len(posts), last + wait_seconds, stop.pause)
    stop.pause(SETTLE_SECONDS)
    return ledger.arrivals({post.key for post in posts})


def warm_up(system: System, ledger: Ledger, sizes: Sizes, stop: StopSign) -> None:
    """A few posts at one instant which nobody counts: imports are done and connections open for every system alike."""
    if not sizes.warm_posts:
        return
    keys = system.new_keys(sizes.warm_posts)
    due = start_instant(system, len(keys), sizes)
    posts = [Post(key, due) for key in keys]
    schedule(system, posts)
    collect(ledger, posts, WARM_SECONDS, stop)
    ledger.clear()
