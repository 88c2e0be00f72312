"""Runs every workload on every system, round by round, so a busy minute affects all systems."""

import itertools
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.local.errors import StackError
from tests.bench.bench_stack import BenchStack
from tests.bench.disk_watch import DiskWatch
from tests.bench.figures import Figures, with_disk
from tests.bench.systems.apscheduler import APScheduler, LateAPScheduler
from tests.bench.systems.bare_http import BareHttp
from tests.bench.systems.celery import Celery
from tests.bench.systems.floor import Floor
from tests.bench.systems.packaged_system import LibrarySystem
from tests.bench.systems.procrastinate import Procrastinate
from tests.bench.systems.punctual import AutoLead, OneSecondLead, Punctual
from tests.bench.systems.system import System
from tests.bench.workloads.bulk import bulk
from tests.bench.workloads.burst import burst
from tests.bench.workloads.calls import calls
from tests.bench.workloads.crash import crash
from tests.bench.workloads.quiet import quiet
from tests.bench.workloads.rough import rough
from tests.bench.workloads.workload import Sizes, Workload

SYSTEMS: dict[str, type[LibrarySystem] | type[Punctual] | type[BareHttp]] = {
    system.name: system
    for system in (
        Floor,
        BareHttp,
        Punctual,
        AutoLead,
        OneSecondLead,
        APScheduler,
        LateAPScheduler,
        Procrastinate,
        Celery,
    )
}
WORKLOADS: dict[str, Workload] = {
    "quiet": quiet,
    "burst": burst,
    "calls": calls,
    "bulk": bulk,
    "crash": crash,
    "rough": rough,
}

Say = Callable[[str], None]


@dataclass
class Findings:
    """Figures of each run by (workload, system), notes on the systems, and reasons of missing cases."""

    figures: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    gaps: dict[tuple[str, str], str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def run(
    stack: BenchStack, workloads: Sequence[str], systems: Sequence[str], runs: int, sizes: Sizes, say: Say
) -> Findings:
    """Run all cases. A failed run is reported and left out of the figures."""
    findings = Findings()
    for number, workload, name in itertools.product(range(1, runs + 1), workloads, systems):
        if workload not in SYSTEMS[name].workloads:
            continue
        if SYSTEMS[name].needs_redis and stack.redis_url is None:
            findings.gaps[workload, name] = "no Redis here"
            continue
        try:
            figures = _one(stack, workload, name, sizes, findings.notes)
        except (StackError, RuntimeError, OSError, subprocess.SubprocessError) as error:
            findings.failures.append(f"run {number}: {workload} {name}: {error}")
            say(f"  {findings.failures[-1]}")
        else:
            findings.figures.setdefault((workload, name), []).append(figures)
            say(f"  run {number}: {workload} {name}: {_summary(figures)}")
    return findings


def _one(stack: BenchStack, workload: str, name: str, sizes: Sizes, notes: dict[str, str]) -> Figures:
    system: System = SYSTEMS[name](stack.system_context(name))
    notes[name] = system.note
    watch = DiskWatch(stack.logs)
    try:
        system.open()
        figures = WORKLOADS[workload](system, stack.ledger, sizes, stack.stop_sign)
        return with_disk(figures, watch.stalls())
    finally:
        watch.close()
        system.close()


def _summary(figures: Figures) -> str:
    values = {"p50": figures.p50_ms, "p99": figures.p99_ms, "last": figures.last_ms, "posts/s": figures.per_second}
    parts = [f"{name} {value:.1f}" for name, value in values.items() if value is not None]
    counted: dict[str, float | None] = {
        "early": figures.early,
        "lost": figures.lost,
        "twice": figures.twice,
        "in doubt": figures.undecided,
    }
    counted["before the restart"] = figures.before_restart
    parts += [f"{name} {value:g}" for name, value in counted.items() if value is not None]
    if figures.late:
        parts.append(f"over 20 ms late {figures.late}, {figures.late_by_disk} of them held by the disk")
    if figures.done_after_s is not None:
        parts.append(f"done {figures.done_after_s:.1f} s after the restart")
    if figures.call_ms is not None:
        parts.append(f"schedule {figures.call_ms:.1f} ms of processor")
    return ", ".join(parts + [f"{name} {rate:.0f}/s" for name, rate in figures.rates.items()])
