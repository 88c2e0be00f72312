"""calls: schedule and unschedule calls per second, one at a time and sixteen at a time.

Punctual is called over HTTP, the libraries in their own process. No post falls due.
"""

import time

from app.local.stop_signal import StopSignal
from tests.bench.figures import Figures
from tests.bench.ledger import Ledger, Post
from tests.bench.systems.system import System
from tests.bench.workloads.workload import CONCURRENT_CALLS, Sizes

FAR_SECONDS = 86_400.0  # within every horizon, and too late to be sent during the run
WARM_CALLS = 32


def calls(system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal) -> Figures:
    _both(system, min(WARM_CALLS, sizes.posts), CONCURRENT_CALLS)
    rates: dict[str, float] = {}
    for threads in (1, CONCURRENT_CALLS):
        stop.check()
        scheduling, unscheduling = _both(system, sizes.posts, threads)
        rates[f"schedule ×{threads}"] = sizes.posts / scheduling
        rates[f"unschedule ×{threads}"] = sizes.posts / unscheduling
    return Figures(posts=sizes.posts, rates=rates)


def _both(system: System, count: int, threads: int) -> tuple[float, float]:
    due = round(time.time() + FAR_SECONDS, 3)
    posts = [Post(key, due) for key in system.new_keys(count)]
    return system.schedule(posts, threads), system.unschedule(posts, threads)
