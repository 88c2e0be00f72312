"""Compares a million posts with a thousand: sweep, dispatch, list, status route and indexes.

    python -m tests.bench.scale [--posts 1000000] [--small 1000] [--blocks 9] [--calls 100] [--only sweep,calls,plans]

It starts its own PostgreSQL. Each sweep runs in its own process, so its peak memory is measured alone. Exits with 1
when a target is missed. Ratios of percentiles come from alternating calls of one run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.generated_posts import (
    AGENCY,
    AUTHOR,
    DELIVERED,
    OVERDUE,
    PER_AUTHOR,
    UNARMED,
    change,
    execute,
    fill,
    vacuum,
)
from tests.bench.interleaved import Measured, explain_dispatch, explain_routes, measure_dispatch, measure_routes
from tests.bench.processor_time import LIMIT_MS, measure_status
from tests.bench.query_plans import Plan, capture_statements, explain
from tests.support.databases import PostgresDatabases
from tests.support.postgres import SETTINGS, postgres_server

ROOT = Path(__file__).parent.parent.parent
SERVER = SETTINGS | {"shared_buffers": "1GB", "max_wal_size": "8GB", "maintenance_work_mem": "256MB"}
SWEEP_SECONDS, MEMORY_RATIO, P99_RATIO = 60.0, 1.2, 1.2
MAX_SWEEPS = 100


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.sweep:
        print(json.dumps(sweep_all(options.sweep, options.what)))
        return 0
    with postgres_server(SERVER) as server:
        databases = PostgresDatabases(server)
        with databases.migrated() as small, databases.migrated() as few, databases.migrated() as large:
            fill(small, options.small)
            fill(few, max(options.small, options.posts // 100))
            began = time.monotonic()
            fill(large, options.posts)
            print(f"{options.posts:,} posts made in {time.monotonic() - began:.0f} s", flush=True)
            missed = run(options, small, few, large)
        databases.close()
    print("\n".join(["", *(f"MISSED: {target}" for target in missed)]) if missed else "\nAll targets are met.")
    return int(bool(missed))


def run(options: argparse.Namespace, small: str, few: str, large: str) -> list[str]:
    missed: list[str] = []
    if "calls" in options.only:
        missed += compare_calls(options, small, large)
    if "plans" in options.only:
        missed += show_plans(large, AGENCY if options.posts >= 10 * PER_AUTHOR else AUTHOR)
    if "sweep" in options.only:
        for what, statement in (("unarmed", UNARMED), ("overdue", OVERDUE)):
            missed += compare_sweeps(what, statement, few, large)
    return missed


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--calls", type=int, default=100, help="in each block")
    parser.add_argument("--only", type=lambda text: text.split(","), default=["sweep", "calls", "plans"])
    parser.add_argument("--sweep", help=argparse.SUPPRESS)
    parser.add_argument("--what", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


# Sweeps


def sweep_all(url: str, what: str) -> dict[str, Any]:
    """Sweep repeatedly, with the default time budget, until no post is left."""
    from app.sweep.sweep import sweep
    from tests.bench.app_under_test import deps_for

    deps = deps_for(url)
    seconds, sweeps, posts = 0.0, 0, 0
    with capture_statements(deps.db.engine) as sent:
        while sweeps < MAX_SWEEPS:
            began = time.monotonic()
            swept = sweep(deps)
            seconds += time.monotonic() - began
            sweeps += 1
            posts += swept.recovered + swept.armed
            if swept.remaining == 0 and (what == "overdue" or swept.armed == 0):
                break
            execute(url, DELIVERED)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"posts": posts, "seconds": seconds, "sweeps": sweeps, "statements": sent.number, "peak": peak}


def compare_sweeps(what: str, statement: str, few: str, large: str) -> list[str]:
    """Compare sweeps over all scheduled posts of both databases.

    A tenth of the posts are scheduled. `large` has 100 times the posts of `few`.
    """
    print(f"\n{what:<9} {'posts':>9} {'seconds':>8} {'sweeps':>7} {'statements per 100':>19} {'peak MB':>8}")
    found = []
    for url in (few, large):
        change(url, statement)
        found.append(_swept(url, what))
        one = found[-1]
        per_hundred = one["statements"] / max(1, one["posts"] / 100)
        line = f"{'':<9} {one['posts']:>9,} {one['seconds']:>8.1f} {one['sweeps']:>7} {per_hundred:>19.1f}"
        print(f"{line} {one['peak']:>8}", flush=True)
    ratio = found[1]["peak"] / found[0]["peak"]
    print(f"{'':<9} peak memory {ratio:.2f} ×, limit {MEMORY_RATIO}; {SWEEP_SECONDS:.0f} s allowed")
    missed = [f"memory of the sweep of what is {what}"] if ratio > MEMORY_RATIO else []
    return missed + ([f"time for what is {what}"] if found[1]["seconds"] > SWEEP_SECONDS else [])


def _swept(url: str, what: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.scale", "--sweep", url, "--what", what]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"The sweep failed:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


# Calls


def compare_calls(options: argparse.Namespace, small: str, large: str) -> list[str]:
    from app.sweep.sweep import sweep
    from tests.bench.app_under_test import deps_for

    for url in (small, large):  # a sweep fills the stored counts, as in production
        deps = deps_for(url)
        sweep(deps)
        deps.db.close()
        vacuum(url)
    title = f"ms, {options.small:,} and {options.posts:,} posts"
    measured = measure_routes(small, large, AUTHOR, options.blocks, options.calls)
    measured.append(measure_dispatch(small, large, options.blocks, min(options.calls, options.small // 10)))
    missed = _table(title, measured) + compare_processor_time(small, large)
    if options.posts >= 10 * PER_AUTHOR:
        _table(
            f"ms, an author of {options.small:,} posts and an agency of {options.posts // 10:,}",
            measure_routes(small, large, AGENCY, max(1, options.blocks // 3), options.calls),
        )
    return missed


def compare_processor_time(small: str, large: str) -> list[str]:
    """Print the status route's processor time. Anyone may call it, so it has a limit of its own."""
    print(f"\n{'ms of processor time, status route':<58} {'app':>7} {'PostgreSQL':>11}")
    total = 0.0
    for name, url in (("small", small), ("large", large)):
        ours, theirs = measure_status(url)
        total = ours + theirs
        print(f"{name:<58} {ours:>7.2f} {theirs:>11.2f}   limit {LIMIT_MS:g} together", flush=True)
    return ["processor time of the status route"] if total > LIMIT_MS else []


def _table(title: str, measured: list[Measured]) -> list[str]:
    print(f"\n{title:<58} {'p50':>15} {'ratio':>6} {'p99':>15} {'ratio':>6}")
    for one in measured:
        pairs = zip((one.p50, one.p99), one.ratios, strict=True)
        cells = [f"{small:>7.2f} {large:>7.2f} {ratio:>6.2f}" for (small, large), ratio in pairs]
        print(f"{one.name:<58} {' '.join(cells)}", flush=True)
    return [f"p99 of {one.name}" for one in measured if one.ratios[1] > P99_RATIO]


# Plans


def show_plans(url: str, author: str) -> list[str]:
    """Print each statement with its indexes. Reading a large table whole is a missed target."""
    plans = explain_routes(url, author) | {"dispatch": explain_dispatch(url)}
    for what, statement in (("overdue", OVERDUE), ("unarmed", UNARMED)):
        change(url, statement)
        plans[f"sweep of what is {what}"] = explain_sweep(url)
    missed = []
    for name, found in plans.items():
        print(f"\n{name}")
        for plan in found:
            how = ", ".join(plan.indexes) or "-"
            print(f"  {how:<42} {plan.title}")
            missed += [f"{name} reads all of {', '.join(plan.scanned)}"] if plan.scanned else []
    return missed


def explain_sweep(url: str) -> list[Plan]:
    """Explain the statements of a sweep with many posts to find and some to prune."""
    from app.sweep.sweep import sweep
    from tests.bench.app_under_test import deps_for

    deps = deps_for(url, sweep_budget_seconds=5.0, retention_days=300.0)
    with capture_statements(deps.db.engine, keep=True) as sent:
        sweep(deps)
    plans = explain(deps.db.engine, sent)
    deps.db.close()
    return plans


if __name__ == "__main__":
    sys.exit(main())
