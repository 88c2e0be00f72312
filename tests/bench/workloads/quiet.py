"""quiet: one post at a time, at fractional seconds."""

from app.local.stop_signal import StopSignal
from tests.bench.figures import Figures, lateness_figures
from tests.bench.ledger import Ledger, Post
from tests.bench.systems.system import System
from tests.bench.workloads.workload import Sizes, collect, schedule, start_instant, warm_up

OFFSET_SECONDS = 0.037


def quiet(system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal) -> Figures:
    warm_up(system, ledger, sizes, stop)
    keys = system.new_keys(sizes.quiet_posts)
    start = start_instant(system, len(keys), sizes) + OFFSET_SECONDS
    gap = sizes.quiet_seconds / max(1, len(keys))
    posts = [Post(key, round(start + index * gap, 3)) for index, key in enumerate(keys)]
    schedule(system, posts)
    arrivals = collect(ledger, posts, sizes.wait_seconds, stop)
    return lateness_figures(posts, arrivals, burst=False)
