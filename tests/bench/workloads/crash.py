"""crash: every dispatching process is killed during a burst and restarted after two seconds."""

import time
from collections.abc import Sequence
from dataclasses import replace

from app.local.stop_signal import StopSignal
from tests.bench.figures import Figures, lateness_figures
from tests.bench.ledger import Ledger, Post
from tests.bench.systems.system import System
from tests.bench.workloads.workload import Sizes, schedule, start_instant, warm_up

DOWN_SECONDS = 2.0
POLL_SECONDS = 0.005  # short, since the kill must fall within a burst of a fraction of a second
STABLE_POLLS = 3  # polls of one second without change, then posts in doubt stay so
DUPLICATE_WAIT_SECONDS = 3.0  # for second copies to arrive


def crash(system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal) -> Figures:
    warm_up(system, ledger, sizes, stop)
    keys = system.new_keys(sizes.crash_posts)
    due = start_instant(system, len(keys), sizes)
    posts = [Post(key, due) for key in keys]
    schedule(system, posts)
    stop.pause(max(0.0, due - time.time()))
    _await_arrivals(ledger, sizes, due)
    system.kill()
    stop.pause(DOWN_SECONDS)
    restarted = time.time()
    system.restart()
    in_doubt = _await_end(system, ledger, keys, restarted + sizes.wait_seconds, stop)
    stop.pause(DUPLICATE_WAIT_SECONDS)
    return crash_figures(posts, ledger.arrivals(set(keys)), in_doubt, restarted)


def _await_arrivals(ledger: Ledger, sizes: Sizes, due: float) -> None:
    while ledger.count() < sizes.crash_after and time.time() < due + sizes.wait_seconds:
        time.sleep(POLL_SECONDS)


def _await_end(system: System, ledger: Ledger, keys: Sequence[str], until: float, stop: StopSignal) -> set[str]:
    """Wait until every missing post is in doubt, or until `until` (unix seconds). Returns the posts in doubt."""
    known, stable = set(keys), 0
    while True:
        missing = known - set(ledger.arrivals(known))
        in_doubt = system.undecided(sorted(missing))
        stable = stable + 1 if missing == in_doubt else 0
        if not missing or stable >= STABLE_POLLS or time.time() > until:
            return in_doubt
        stop.pause(1.0)


def crash_figures(
    posts: Sequence[Post], arrivals: dict[str, list[float]], in_doubt: set[str], restarted: float
) -> Figures:
    """Count the posts by fate. Lateness is omitted, because most of it is the restart pause."""
    seen = lateness_figures(posts, arrivals, burst=False)
    doubt = len(in_doubt - arrivals.keys())
    lost = (seen.lost or 0) - doubt
    last = max((min(times) for times in arrivals.values()), default=restarted)
    return replace(
        Figures(posts=len(posts), early=seen.early, twice=seen.twice),
        lost=lost,
        undecided=doubt,
        before_restart=sum(1 for times in arrivals.values() if min(times) < restarted),
        done_after_s=None if lost else max(0.0, last - restarted),
    )
