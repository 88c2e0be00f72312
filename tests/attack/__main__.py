"""`python -m tests.attack`: attacks one app, and measures whether other users' posts come late.

Exits with 0 only if no attack made a post late. Only this machine's own processes are attacked.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from app.local.errors import StackError, StopRequested
from app.local.stop_signal import StopSignal
from tests.attack.attacks import ATTACKS
from tests.attack.report import table, write
from tests.attack.run import Sizes, run
from tests.attack.stack import AttackStack

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130  # a shell's exit code for a command ended by Ctrl-C


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stop = StopSignal()
    stop.install()
    state = Path(tempfile.mkdtemp(prefix="punctual-attack-"))
    code = 1
    try:
        code = 0 if _attack(args, state, stop) else 1
    except StopRequested:
        code = INTERRUPTED
    except (StackError, RuntimeError) as error:
        print(f"\n{error}", file=sys.stderr)
    finally:
        if code in (0, INTERRUPTED) and not args.keep:
            shutil.rmtree(state, ignore_errors=True)
        else:
            print(f"\nLogs: {state}", flush=True)
    return code


def _attack(args: argparse.Namespace, state: Path, stop: StopSignal) -> bool:
    sizes = Sizes(beside=args.posts, alone=args.alone, every=args.every, users=args.users)
    say(f"{len(args.attacks)} attacks, {args.posts} posts of other users beside each. Starting …")
    stack = AttackStack(state, stop)
    try:
        stack.open()
        found = run(stack, args.attacks, sizes, stop, say)
    finally:
        stack.close()
    text = table(found.verdicts, found.alone, found.disk_ms)
    write(args.out, text, found.verdicts, found.alone, found.disk_ms)
    say(f"\n{text}")
    return all(verdict.passed for verdict in found.verdicts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description="Other users' posts beside attacks.")
    parser.add_argument("--attacks", type=_known, default=list(ATTACKS), metavar="NAMES", help=",".join(ATTACKS))
    parser.add_argument("--posts", type=int, default=Sizes.beside, metavar="N", help="beside each attack")
    parser.add_argument("--alone", type=int, default=Sizes.alone, metavar="N", help="posts before each attack")
    parser.add_argument("--every", type=float, default=Sizes.every, metavar="SECONDS", help="from post to post")
    parser.add_argument("--users", type=int, default=Sizes.users, metavar="N", help="the authors of these posts")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results" / "attack", metavar="FOLDER")
    parser.add_argument("--keep", action="store_true", help="keep the logs in any case")
    return parser


def _known(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := [name for name in chosen if name not in ATTACKS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(ATTACKS)}")
    return chosen


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
