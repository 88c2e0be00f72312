"""crash: a burst in the midst of which every dispatching process is killed, to come back after two seconds."""

import time
from collections.abc import Sequence
from dataclasses import replace

from app.local.stop_signal import StopSign
from tests.bench.figures import Figures, lateness_figures
from tests.bench.ledger import Ledger, Post
from tests.bench.systems.system import System
from tests.bench.workloads.workload import Sizes, schedule, start_instant, warm_up

DOWN_SECONDS = 2.0
LOOK_SECONDS = 0.005  # the kill is to fall within the burst, which is over in a fraction of a second
STABLE_LOOKS = 3  # as many seconds without change: what is in doubt stays so
AFTERMATH_SECONDS = 3.0  # for second copies to show


def crash(system: System, ledger: Ledger, sizes: Sizes, stop: StopSign) -> Figures:
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
    doubtful = _await_end(system, ledger, keys, restarted + sizes.wait_seconds, stop)
    stop.pause(AFTERMATH_SECONDS)
    return what_became(posts, ledger.arrivals(set(keys)), doubtful, restarted)


def _await_arrivals(ledger: Ledger, sizes: Sizes, due: float) -> None:
    while ledger.count() < sizes.crash_after and time.time() < due + sizes.wait_seconds:
        time.sleep(LOOK_SECONDS)


def _await_end(system: System, ledger: Ledger, keys: Sequence[str], until: float, stop: StopSign) -> set[str]:
    """Until all have arrived but those that the system itself holds in doubt, or until it is enough; returns these."""
    known, stable = set(keys), 0
    while True:
        missing = known - set(ledger.arrivals(known))
        doubtful = system.undecided(sorted(missing))
        stable = stable + 1 if missing == doubtful else 0
        if not missing or stable >= STABLE_LOOKS or time.time() > until:
            return doubtful
        stop.pause(1.0)


def what_became(
    posts: Sequence[Post], arrivals: dict[str, list[float]], doubtful: set[str], restarted: float
) -> Figures:
    """Lateness says nothing here, for most of it is the pause; what counts is what became of each post."""
    seen = lateness_figures(posts, arrivals, burst=False)
    doubt = len(doubtful - arrivals.keys())
    lost = (seen.lost or 0) - doubt
    last = max((min(times) for times in arrivals.values()), default=restarted)
    return replace(
        Figures(posts=len(posts), early=seen.early, twice=seen.twice),
        lost=lost,
        undecided=doubt,
        before_restart=sum(1 for times in arrivals.values() if min(times) < restarted),
        done_after_s=None if lost else max(0.0, last - restarted),
    )
