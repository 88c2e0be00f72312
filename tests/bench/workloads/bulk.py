"""bulk: posts created, scheduled and armed in one call, against as many jobs added one after the other.

Punctual is called over HTTP, the libraries add their jobs in their own process. No post falls due.
"""

import time

from app.local.stop_signal import StopSignal
from tests.bench.figures import Figures
from tests.bench.ledger import Ledger
from tests.bench.systems.system import System
from tests.bench.workloads.calls import FAR_SECONDS
from tests.bench.workloads.workload import Sizes

WARM_ROWS = 50


def bulk(system: System, ledger: Ledger, sizes: Sizes, stop: StopSignal) -> Figures:
    due = round(time.time() + FAR_SECONDS, 3)
    system.schedule_new(WARM_ROWS, due)
    stop.check()
    seconds = system.schedule_new(sizes.posts, due)
    return Figures(posts=sizes.posts, rates={"rows": sizes.posts / seconds})
