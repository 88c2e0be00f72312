"""Every work with every system, run after run, so that a busy minute of the machine falls on all of them."""

import itertools
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.local.errors import StackError
from tests.bench.bench_stack import Grounds
from tests.bench.figures import Figures
from tests.bench.systems.apscheduler import APScheduler, LateAPScheduler
from tests.bench.systems.celery import Celery
from tests.bench.systems.floor import Floor
from tests.bench.systems.library_system import PackagedSystem
from tests.bench.systems.procrastinate import Procrastinate
from tests.bench.systems.punctual import Punctual
from tests.bench.systems.system import System
from tests.bench.workloads.burst import burst
from tests.bench.workloads.calls import calls
from tests.bench.workloads.crash import crash
from tests.bench.workloads.quiet import quiet
from tests.bench.workloads.workload import Sizes, Work

SYSTEMS: dict[str, type[PackagedSystem] | type[Punctual]] = {
    system.name: system for system in (Floor, Punctual, APScheduler, LateAPScheduler, Procrastinate, Celery)
}
WORKS: dict[str, Work] = {"quiet": quiet, "burst": burst, "calls": calls, "crash": crash}

Say = Callable[[str], None]


@dataclass
class Findings:
    """Figures of each run by work and system; how each system was set up; and why a case has none."""

    figures: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    gaps: dict[tuple[str, str], str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def run(grounds: Grounds, works: Sequence[str], systems: Sequence[str], runs: int, sizes: Sizes, say: Say) -> Findings:
    """A run that fails is told and left out; the others go on."""
    findings = Findings()
    for number, work, name in itertools.product(range(1, runs + 1), works, systems):
        if work not in SYSTEMS[name].works:
            continue
        if SYSTEMS[name].needs_redis and grounds.redis_url is None:
            findings.gaps[work, name] = "no Redis here"
            continue
        try:
            figures = _one(grounds, work, name, sizes, findings.notes)
        except (StackError, RuntimeError, OSError, subprocess.SubprocessError) as error:
            findings.failures.append(f"run {number}: {work} {name}: {error}")
            say(f"  {findings.failures[-1]}")
        else:
            findings.figures.setdefault((work, name), []).append(figures)
            say(f"  run {number}: {work} {name}: {_gist(figures)}")
    return findings


def _one(grounds: Grounds, work: str, name: str, sizes: Sizes, notes: dict[str, str]) -> Figures:
    system: System = SYSTEMS[name](grounds.ground(name))
    notes[name] = system.note
    try:
        system.open()
        return WORKS[work](system, grounds.ledger, sizes, grounds.stop_sign)
    finally:
        system.close()


def _gist(figures: Figures) -> str:
    told = {"p50": figures.p50_ms, "p99": figures.p99_ms, "last": figures.last_ms, "posts/s": figures.per_second}
    said = [f"{name} {value:.1f}" for name, value in told.items() if value is not None]
    counted: dict[str, float | None] = {
        "early": figures.early,
        "lost": figures.lost,
        "twice": figures.twice,
        "in doubt": figures.undecided,
    }
    counted["before the restart"] = figures.before_restart
    said += [f"{name} {value:g}" for name, value in counted.items() if value is not None]
    if figures.done_after_s is not None:
        said.append(f"done {figures.done_after_s:.1f} s after the restart")
    return ", ".join(said + [f"{name} {rate:.0f}/s" for name, rate in figures.rates.items()])
