"""Every work with every system, run after run, so that a busy minute of the machine falls on all of them."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from app.local.stopping import StopSign
from tests.bench.figures import Figures
from tests.bench.grounds import Grounds
from tests.bench.systems.apscheduler import APScheduler, LateAPScheduler
from tests.bench.systems.celery import Celery
from tests.bench.systems.floor import Floor
from tests.bench.systems.library import LibrarySystem
from tests.bench.systems.procrastinate import Procrastinate
from tests.bench.systems.punctual import Punctual
from tests.bench.systems.system import System
from tests.bench.works.burst import burst
from tests.bench.works.calls import calls
from tests.bench.works.crash import crash
from tests.bench.works.quiet import quiet
from tests.bench.works.work import Sizes, Work

SYSTEMS: dict[str, type[LibrarySystem] | type[Punctual]] = {
    system.name: system for system in (Floor, Punctual, APScheduler, LateAPScheduler, Procrastinate, Celery)
}
WORKS: dict[str, Work] = {"quiet": quiet, "burst": burst, "calls": calls, "crash": crash}

Say = Callable[[str], None]


def run(
    grounds: Grounds, works: Sequence[str], systems: Sequence[str], runs: int, sizes: Sizes, say: Say
) -> dict[tuple[str, str], list[Figures]]:
    """The figures of each run, by work and system."""
    found: dict[tuple[str, str], list[Figures]] = defaultdict(list)
    for number in range(1, runs + 1):
        for work in works:
            for name in systems:
                figures = _one(grounds, work, name, sizes, grounds.stop_sign)
                if figures is not None:
                    found[work, name].append(figures)
                    say(f"  run {number}: {work} {name}: {_gist(figures)}")
    return dict(found)


def _one(grounds: Grounds, work: str, name: str, sizes: Sizes, stop: StopSign) -> Figures | None:
    kind = SYSTEMS[name]
    if work not in kind.works or (kind.needs_redis and grounds.redis_url is None):
        return None
    system: System = kind(grounds.ground(name))
    try:
        system.open()
        return WORKS[work](system, grounds.ledger, sizes, stop)
    finally:
        system.close()


def _gist(figures: Figures) -> str:
    told = {"p50": figures.p50_ms, "p99": figures.p99_ms, "last": figures.last_ms, "posts/s": figures.per_second}
    said = [f"{name} {value:.1f}" for name, value in told.items() if value is not None]
    said += [f"{name} {value:g}" for name, value in (("lost", figures.lost), ("twice", figures.twice)) if value]
    return ", ".join(said + [f"{name} {rate:.0f}/s" for name, rate in figures.rates.items()])
