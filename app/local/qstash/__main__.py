"""Command line of the QStash stand-in: `python -m app.local.qstash --data messages.sqlite`.

Every option has a default. The token and the signing keys are the public ones of local development.
"""

import argparse
import asyncio
import os
import signal
import sys

from aiohttp import web
from yarl import URL

from app.local.callers import only_from_here

from .account import Account, Settings
from .database import DataFileError
from .plan import FREE_MAX_DELAY_SECONDS, FREE_MAX_RETRIES, Plan
from .server import create_app
from .signing import SigningKeys

NAME = "qstash stand-in"
BACKLOG = 1024
# The public defaults of the vendor's dev server. They protect nothing.
DEV_TOKEN = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0="
DEV_CURRENT_KEY = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r"
DEV_NEXT_KEY = "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs"


def main() -> int:
    options = _parser().parse_args()
    try:
        return asyncio.run(_serve(_settings(options), options.host, options.port))
    except DataFileError as error:
        return _print_error(str(error))


async def _serve(settings: Settings, host: str, port: int) -> int:
    account = Account(settings)
    app = create_app(account)
    app.middlewares.insert(0, only_from_here(host))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    try:
        account.load()
        await runner.setup()
        site = web.TCPSite(runner, host, port, backlog=BACKLOG)
        try:
            await site.start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            return _print_error(f"cannot listen on {host}:{port}: {reason}. Choose another port: --port")
        await account.start()
        pending = len(account.outbox.all())
        print(f"{NAME}: listening on http://{host}:{runner.addresses[0][1]}, {pending} messages pending", flush=True)
        await _wait_for_stop_signal()
    finally:
        await runner.cleanup()
        await account.stop()
    return 0


async def _wait_for_stop_signal() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _print_error(text: str) -> int:
    print(f"{NAME}: {text}", file=sys.stderr)
    return 1


def _settings(options: argparse.Namespace) -> Settings:
    current = os.environ.get("QSTASH_CURRENT_SIGNING_KEY") or DEV_CURRENT_KEY
    upcoming = os.environ.get("QSTASH_NEXT_SIGNING_KEY") or DEV_NEXT_KEY
    return Settings(
        token=os.environ.get("QSTASH_TOKEN") or DEV_TOKEN,
        keys=SigningKeys(current, upcoming),
        data=options.data,
        host_overrides=dict(options.deliver),
        plan=Plan(options.max_delay, options.max_retries, options.daily_quota),
        retry_unit=options.retry_unit,
        request_log=options.request_log,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.local.qstash", description="A stand-in for QStash.")
    env = os.environ.get
    parser.add_argument("--host", default=env("QSTASH_LOCAL_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=env("QSTASH_LOCAL_PORT", "8080"), help="0: any free port")
    parser.add_argument("--data", default=env("QSTASH_LOCAL_DATA", "instance/qstash.sqlite"), help="the data file")
    parser.add_argument(
        "--deliver",
        metavar="HOST=URL",
        type=_host_override,
        action="append",
        default=[],
        help="deliver messages for HOST to URL",
    )
    parser.add_argument("--max-delay", type=_positive, default=FREE_MAX_DELAY_SECONDS, metavar="SECONDS")
    parser.add_argument("--max-retries", type=_positive, default=FREE_MAX_RETRIES, metavar="N")
    parser.add_argument("--daily-quota", type=_positive, default=None, metavar="N", help="default: unlimited")
    parser.add_argument(
        "--retry-unit", type=_fraction, default=1.0, metavar="SECONDS", help="scales the default backoff, for tests"
    )
    parser.add_argument("--request-log", action="store_true", help="print one line per call and per delivery")
    return parser


def _host_override(text: str) -> tuple[str, str]:
    host, separator, address = text.partition("=")
    try:
        usable = bool(separator and host and URL(address).scheme in ("http", "https") and URL(address).host)
    except ValueError:
        usable = False
    if not usable:
        raise argparse.ArgumentTypeError(f"{text} is not HOST=URL, as in api.example.com=http://127.0.0.1:8000")
    return host, address


def _positive(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number, 0 or more")
    return int(text)


def _fraction(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number, 0 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
