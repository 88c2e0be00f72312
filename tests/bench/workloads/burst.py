"""burst: all posts at one instant."""

from app.local.stop_signal import StopSignal
from tests.bench.figures import Figures, lateness_figures
from tests.bench.ledger import Ledger, Post
from tests.bench.systems.system import System
from tests.bench.workloads.workload import Sizes, collect, schedule, start_instant, warm_up


def burst(system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal) -> Figures:
    warm_up(system, ledger, sizes, stop)
    keys = system.new_keys(sizes.posts)
    due = start_instant(system, len(keys), sizes)
    posts = [Post(key, due) for key in keys]
    schedule(system, posts)
    arrivals = collect(ledger, posts, sizes.wait_seconds, stop)
    return lateness_figures(posts, arrivals, burst=True)
