"""Simulate many seeds, or one with its timeline.

python -m tests.simulation --seeds 1000 [--start N]
python -m tests.simulation --seed 1234
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

from tests.simulation.breaks import BREAKS
from tests.simulation.faults import EVENT_KINDS, GATE_KINDS, KINDS
from tests.simulation.parallel import outcomes, run_one
from tests.simulation.seed_run import Outcome
from tests.simulation.timeline import timeline

MAX_TIMELINES = 3  # broken seeds printed with their timeline, the others by number only


def replay(seed: int, broken: str) -> Outcome:
    """Run the seed again with its events recorded, and print the timeline."""
    outcome, world = run_one(seed, broken, recording=True)
    print(f"\n=== seed {seed}")
    print("\n".join(timeline(world)))
    for violation in outcome.violations:
        print(f"BROKEN {violation.rule}: {violation.text}")
    print(f"Again: make simulate SEED={seed}{f' BREAK={broken}' if broken else ''}")
    return outcome


def summary(played: list[Outcome], seconds: float) -> None:
    faults: Counter[str] = Counter()
    for outcome in played:
        faults += outcome.faults
    print("\nFaults:")
    for kind, what in (KINDS | GATE_KINDS | EVENT_KINDS).items():
        print(f"  {faults[kind]:8,}  {kind:22} {what}")
    _print_counts("Ends of the posts", [outcome.ends for outcome in played])
    _print_counts("Excused, because Punctual could not know or a person accepted it", [o.excused for o in played])
    _print_counts("Claims of the gates, by the size of the group", [_sizes(outcome) for outcome in played])
    _print_counts("Owners' shares at the gates", [outcome.shares for outcome in played])
    _print_counts("Deaths of a gate's process, by its thread and step", [outcome.deaths for outcome in played])
    _print_counts("Events at webhook endpoints, by type", [outcome.events for outcome in played])
    broken = [outcome for outcome in played if outcome.violations]
    rules = Counter(outcome.violations[0].rule for outcome in broken)
    for rule, count in rules.most_common():
        examples = [str(outcome.seed) for outcome in broken if outcome.violations[0].rule == rule][:8]
        print(f"Broken in {count} seeds: {rule} ({', '.join(examples)})")
    print(
        f"{len(played):,} seeds, {sum(o.posts for o in played):,} posts, {sum(o.sends for o in played):,} sends, "
        f"{sum(o.copies for o in played):,} public copies, "
        f"{faults.total():,} faults, {len(broken)} violations, {seconds:.1f} s"
    )


def _print_counts(title: str, counters: list[Counter[str]]) -> None:
    total: Counter[str] = Counter()
    for counter in counters:
        total += counter
    print(f"{title}:")
    for what, count in sorted(total.items()):
        print(f"  {count:8,}  {what}")


def _sizes(outcome: Outcome) -> Counter[str]:
    sizes = Counter({f"{size:2}": count for size, count in outcome.groups.items()})
    return sizes + Counter({"sleeps of a held claim": outcome.holds})


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="simulate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--break", dest="broken", choices=["", *BREAKS], default="")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--stories", type=int, default=MAX_TIMELINES)
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return 1 if replay(options.seed, options.broken).violations else 0
    began = time.perf_counter()
    played = []
    for outcome in outcomes(range(options.start, options.start + options.seeds), options.broken, options.workers):
        played.append(outcome)
        if outcome.violations and sum(bool(o.violations) for o in played) <= options.stories:
            replay(outcome.seed, options.broken)
    summary(sorted(played, key=lambda outcome: outcome.seed), time.perf_counter() - began)
    return 1 if any(outcome.violations for outcome in played) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
