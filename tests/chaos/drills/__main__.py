"""`python -m tests.chaos.drills [NAME …]`: faults of real databases and installations, with posts in flight.

Exits with 0 only if no post was lost, sent twice or early, and no caller saw an internal error.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from app.local.errors import StackError, StopRequested
from app.local.stop_signal import StopSignal
from tests.chaos.__main__ import INTERRUPTED, say
from tests.chaos.drills.catalogue import DRILLS
from tests.chaos.drills.drill import BURST, SPREAD, Drill, Result, play
from tests.chaos.drills.report import problem_lines, table_lines
from tests.chaos.frontend import NoAnswerError


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stop = StopSignal()
    stop.install()
    results: list[Result] = []
    failed = False
    try:
        for drill in [DRILLS[name] for name in args.names or DRILLS]:
            for _ in range(args.times):
                result = _play(drill, stop, (args.burst, args.spread), keep=args.keep)
                failed = failed or result is None or not result.good
                results += [result] if result else []
    except StopRequested:
        return INTERRUPTED
    for line in ["", *table_lines(results)]:
        say(line)
    return 1 if failed else 0


def _play(drill: Drill, stop: StopSignal, posts: tuple[int, int], *, keep: bool) -> Result | None:
    """Play one drill and print its notes. None means that it could not be played to its end."""
    state = Path(tempfile.mkdtemp(prefix=f"punctual-drill-{drill.name}-"))
    say(f"{drill.name}: {drill.title} …")
    result = None
    try:
        result = play(drill, state / "stack", stop, posts)
    except (StackError, NoAnswerError) as error:
        say(f"{drill.name}: NOT OK: {error}")
    finally:
        if result is not None and result.good and not keep:
            shutil.rmtree(state, ignore_errors=True)
        else:
            say(f"{drill.name}: logs, ledger and messages: {state}")
    for line in problem_lines(result) if result else []:
        say(line)
    return result


def _parser() -> argparse.ArgumentParser:
    names = "\n".join(f"  {name:<12} {drill.title}" for name, drill in DRILLS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.drills",
        description="Drills with real processes. Without a name, all of them.",
        epilog=f"drills:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", choices=[*DRILLS, []], metavar="NAME", help="see below")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="of each drill")
    parser.add_argument("--burst", type=int, default=BURST, metavar="N", help="posts at one instant")
    parser.add_argument("--spread", type=int, default=SPREAD, metavar="N", help="posts around it")
    parser.add_argument("--keep", action="store_true", help="keep logs, ledger and messages in any case")
    return parser


if __name__ == "__main__":
    sys.exit(main())
