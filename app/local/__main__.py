"""Command line of the local stack: `python -m app.local run` and `python -m app.local demo`.

`run` keeps the stack up until it is stopped. `demo` publishes a few posts, checks them and ends.
"""

import argparse
import os
import sys
from pathlib import Path

from app.local import ports
from app.local.demo.runner import demo
from app.local.errors import StackError, StopRequested
from app.local.run_command import run
from app.local.stack import STATE, StackOptions
from app.local.stop_signal import StopSignal

INTERRUPTED = 130  # the shells' exit code for a command ended by Ctrl-C


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stop = StopSignal()
    stop.install()
    try:
        if args.command == "demo":
            return demo(stop, poll_mode=args.mode == "poll")
        options = StackOptions(
            state=args.state.resolve(), ports=ports.from_environment(os.environ), cron_every=args.cron_every
        )
        return run(options, stop, user=args.user)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except StopRequested:
        return INTERRUPTED if args.command == "demo" else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.local", description="Punctual on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser(
        "run", help="start the stack and keep it up (ports: PORT, PORT_QSTASH, PORT_N8N, PORT_LINKEDIN)"
    )
    runs.add_argument("--state", type=Path, default=STATE, metavar="DIR", help="folder for the stack's data")
    runs.add_argument("--user", default="demo-user", help="user of the printed token (default: demo-user)")
    runs.add_argument("--cron-every", type=float, default=300, metavar="SECONDS", help="the sweep's period")
    demos = commands.add_parser("demo", help="publish seven posts to the second and check the result")
    demos.add_argument("--mode", choices=["qstash", "poll"], default="qstash", help="how the app finds due posts")
    return parser


if __name__ == "__main__":
    sys.exit(main())
