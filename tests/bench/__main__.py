"""`python -m tests.bench`: compares Punctual with other schedulers, on one machine in one run."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from app.local.errors import StackError, StopRequested
from app.local.stop_signal import StopSignal
from tests.bench.bench_stack import BenchStack, ProcessOptions
from tests.bench.report import table, write
from tests.bench.run import SYSTEMS, WORKLOADS, run
from tests.bench.workloads.workload import Sizes

ROOT = Path(__file__).resolve().parents[2]
USUAL = [name for name in WORKLOADS if name != "rough"]  # which takes five minutes, and has systems of its own
INTERRUPTED = 130  # a shell's exit code for a command ended by Ctrl-C


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stop = StopSignal()
    stop.install()
    state = Path(tempfile.mkdtemp(prefix="punctual-bench-"))
    code = 1
    try:
        _bench(args, state, stop)
        code = 0
    except StopRequested:
        code = INTERRUPTED
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
    finally:
        if code in (0, INTERRUPTED) and not args.keep:
            shutil.rmtree(state, ignore_errors=True)
        else:
            print(f"\nLogs: {state}", flush=True)
    return code


def _bench(args: argparse.Namespace, state: Path, stop: StopSignal) -> None:
    sizes = Sizes(
        posts=args.posts,
        quiet_posts=args.quiet_posts,
        quiet_seconds=args.quiet_seconds,
        crash_posts=args.crash_posts,
        crash_after=args.crash_after,
        wait_seconds=args.wait,
        warm_posts=args.warm,
        head_seconds=args.head,
    )
    stack = BenchStack(state, ProcessOptions(args.workers, args.threads, dict(args.env), args.redis), stop)
    try:
        stack.open()
        findings = run(stack, args.works, args.systems, args.runs, sizes, say)
    finally:
        stack.close()
    text = table(findings.figures, findings.notes, findings.gaps)
    write(args.out, text, findings.figures)
    say(f"\n{text}\nWritten to {args.out}, with every figure and the histograms.")
    if findings.failures:
        raise StackError("\n".join(["Some runs failed and are not in the table:", *findings.failures]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Punctual beside its peers.")
    parser.add_argument("--works", type=_some_of(WORKLOADS), default=USUAL, help=",".join(WORKLOADS))
    parser.add_argument("--systems", type=_some_of(SYSTEMS), default=list(SYSTEMS), help=",".join(SYSTEMS))
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="the table shows their medians")
    parser.add_argument("--posts", type=int, default=1000, metavar="N", help="of burst and calls")
    parser.add_argument("--quiet-posts", type=int, default=200, metavar="N")
    parser.add_argument("--quiet-seconds", type=float, default=40.0, metavar="SECONDS")
    parser.add_argument("--crash-posts", type=int, default=500, metavar="N")
    parser.add_argument("--crash-after", type=int, default=100, metavar="N", help="arrivals until the kill")
    parser.add_argument("--wait", type=float, default=60.0, metavar="SECONDS", help="for missing posts")
    parser.add_argument("--warm", type=int, default=64, metavar="N", help="uncounted posts before each run")
    parser.add_argument("--head", type=float, default=4.0, metavar="SECONDS", help="from scheduling to the instant")
    parser.add_argument("--workers", type=int, metavar="N", help="the app's worker processes")
    parser.add_argument("--threads", type=int, metavar="N", help="of each of these processes")
    parser.add_argument("--env", type=_setting, action="append", default=[], metavar="NAME=VALUE", help="the app's")
    parser.add_argument("--redis", metavar="URL", help="for celery (default: start a redis-server if installed)")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results", metavar="FOLDER", help="for the results")
    parser.add_argument("--keep", action="store_true", help="keep the logs in any case")
    return parser


def _some_of(known: Collection[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(known)}")
        return chosen

    return names


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
