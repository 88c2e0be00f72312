"""`python -m tests.chaos`: real processes, real faults.

Exits with 0 only if no post was lost, sent twice, sent early, or sent after its cancellation.
"""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from app.local.errors import StackError, StopRequested
from app.local.stop_signal import StopSignal
from tests.chaos.plan import make_plan
from tests.chaos.report import Outcome, report_lines
from tests.chaos.run import run
from tests.chaos.stack import ChaosStack

INTERRUPTED = 130  # a shell's exit code for a command ended by Ctrl-C


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stop = StopSignal()
    stop.install()
    state = Path(tempfile.mkdtemp(prefix="punctual-chaos-"))
    outcome, code = None, 1
    try:
        outcome = _run(args, state, stop)
        code = 0 if outcome.good else 1
    except StopRequested:
        code = INTERRUPTED
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
    finally:
        if code in (0, INTERRUPTED) and not args.keep:
            shutil.rmtree(state, ignore_errors=True)
        else:
            print(f"\nLogs, ledger and messages: {state}", flush=True)
    return code


def _run(args: argparse.Namespace, state: Path, stop: StopSignal) -> Outcome:
    plan = make_plan(args.posts, args.spread, args.seed)
    say(f"Chaos with seed {args.seed}: {len(plan.drafts)} posts, {len(plan.faults)} faults. Starting …")
    stack = ChaosStack(state / "stack", args.lease, stop)
    try:
        outcome = run(plan, stack, stop, say)
    finally:
        stack.close()
    for line in report_lines(outcome):
        say(line)
    return outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Chaos with real processes.")
    parser.add_argument("--posts", type=int, default=500, metavar="N", help="at one instant, and as many spread out")
    parser.add_argument("--spread", type=float, default=60.0, metavar="SECONDS", help="over which these are spread")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000), help="of posts and faults")
    parser.add_argument("--lease", type=float, default=20.0, metavar="SECONDS", help="PUBLISH_LEASE_SECONDS")
    parser.add_argument("--keep", action="store_true", help="keep logs, ledger and messages in any case")
    return parser


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
