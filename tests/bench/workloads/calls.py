"""calls: schedule and unschedule calls per second, one at a time and sixteen at a time.

Punctual is called over HTTP, the libraries in their own process. No post falls due. A bare app beside Punctual does the
least that such a call can do. The processor time is that of one schedule call, in the server and its database.
"""

import time

from app.local.stop_signal import StopSignal
from tests.bench.figures import Figures
from tests.bench.ledger import Ledger, Post
from tests.bench.systems.system import Served, System
from tests.bench.workloads.workload import CONCURRENT_CALLS, Sizes

FAR_SECONDS = 86_400.0  # within every horizon, and too late to be sent during the run
WARM_CALLS = 32


def calls(system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal) -> Figures:
    _both(system, min(WARM_CALLS, sizes.posts), CONCURRENT_CALLS)
    rates: dict[str, float] = {}
    used: dict[int, float | None] = {}
    for threads in (1, CONCURRENT_CALLS):
        stop.check()
        scheduling, unscheduling, used[threads] = _both(system, sizes.posts, threads)
        rates[f"schedule ×{threads}"] = sizes.posts / scheduling
        rates[f"unschedule ×{threads}"] = sizes.posts / unscheduling
    return Figures(posts=sizes.posts, rates=rates, call_ms=used[1])


def _both(system: System, count: int, threads: int) -> tuple[float, float, float | None]:
    """Schedule and unschedule so many posts.

    Returns the seconds of each, and the milliseconds of processor of one schedule call, None for a library.
    """
    due = round(time.time() + FAR_SECONDS, 3)
    posts = [Post(key, due) for key in system.new_keys(count)]
    before = system.server_ms() if isinstance(system, Served) else 0.0
    scheduling = system.schedule(posts, threads)
    used = (system.server_ms() - before) / count if isinstance(system, Served) else None
    return scheduling, system.unschedule(posts, threads), used
