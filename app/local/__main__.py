"""`python -m app.local run` keeps the local stack up; `python -m app.local demo` shows what it can do, and ends."""

import argparse
import os
import sys
from pathlib import Path

from app.local import ports
from app.local.demo.runner import demo
from app.local.errors import StackError, StopRequested
from app.local.run_command import run
from app.local.stack import STATE, Plan
from app.local.stop_signal import StopSign

INTERRUPTED = 130  # what a shell says of a command that Ctrl-C ended


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stop = StopSign()
    stop.install()
    try:
        if args.command == "demo":
            return demo(stop, polls=args.mode == "poll")
        plan = Plan(state=args.state.resolve(), ports=ports.from_environment(os.environ), cron_every=args.cron_every)
        return run(plan, stop, user=args.user)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except StopRequested:
        return INTERRUPTED if args.command == "demo" else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.local", description="Punctual on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser(
        "run", help="start the stack and keep it up; PORT and PORT_QSTASH, _N8N, _LINKEDIN move it"
    )
    runs.add_argument("--state", type=Path, default=STATE, metavar="DIR", help="where it keeps its data")
    runs.add_argument("--user", default="demo-user", help="whose token is printed (default: demo-user)")
    runs.add_argument("--cron-every", type=float, default=300, metavar="SECONDS", help="the sweep's period")
    demos = commands.add_parser("demo", help="watch a handful of posts go out to the second")
    demos.add_argument("--mode", choices=["qstash", "poll"], default="qstash", help="what wakes the app")
    return parser


if __name__ == "__main__":
    sys.exit(main())
