"""rough: the message service is up to 3 s late, a tenth of the receivers start cold, and the network takes 0.1 s.

The posts of the first round teach the lead. Those of the second round are scheduled after that, and they count.
"""

from app.local.stop_signal import StopSignal
from tests.bench.figures import Figures, lateness_figures
from tests.bench.ledger import Ledger, Post
from tests.bench.systems.system import RoughSystem, System
from tests.bench.workloads.workload import Sizes, collect, schedule, start_instant, warm_up

SERVICE_SECONDS, NETWORK_SECONDS = 3.0, 0.1
COLD_SECONDS, COLD_SHARE = 1.2, 0.1
OFFSET_SECONDS = 0.037
ROUGH_HEAD_SECONDS = 15.0  # the longest lead, so that each alarm is a whole lead ahead


def rough(system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal) -> Figures:
    assert isinstance(system, RoughSystem)
    warm_up(system, ledger, sizes, stop)
    system.roughen(SERVICE_SECONDS + NETWORK_SECONDS, COLD_SECONDS, COLD_SHARE)
    gap = sizes.quiet_seconds / max(1, sizes.quiet_posts)
    _round(system, ledger, sizes, stop, sizes.rough_posts, gap)
    ledger.clear()  # the wait for the second round counts its own arrivals only
    stop.pause(sizes.rough_rest_seconds)  # until each process measures its lead again
    return _round(system, ledger, sizes, stop, sizes.quiet_posts, gap)


def _round(system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal, count: int, gap: float) -> Figures:
    """Schedule so many posts, one at a time, and wait for them."""
    keys = system.new_keys(count)
    start = start_instant(system, len(keys), sizes) + ROUGH_HEAD_SECONDS + OFFSET_SECONDS
    posts = [Post(key, round(start + index * gap, 3)) for index, key in enumerate(keys)]
    schedule(system, posts)
    return lateness_figures(posts, collect(ledger, posts, sizes.wait_seconds, stop), burst=False)
