"""The platform's cron on one machine: calls a URL with its secret every so often, and survives whatever it answers."""

import argparse
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

TIMEOUT_SECONDS = 60.0
LONGEST_LINE = 300  # characters of an answer that are worth showing


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tick_until(stop, args.url, args.secret, args.every)
    return 0


def tick_until(stop: threading.Event, url: str, secret: str, every: float) -> None:
    """Ticks at once and then on a fixed beat; a run that outlasts its beat skips ticks instead of piling them up."""
    start = time.monotonic()
    while not stop.is_set():
        print(f"{datetime.now(UTC):%H:%M:%S} {call(url, secret)}", flush=True)
        elapsed = time.monotonic() - start
        stop.wait(every - elapsed % every)


def call(url: str, secret: str) -> str:
    """One run; returns the line to print. Nothing that the other side does ends the cron."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {secret}", "User-Agent": "local-cron"})
    started = time.monotonic()
    try:
        with _opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            told = f"{answer.status} {_line(answer.read())}"
    except urllib.error.HTTPError as refusal:
        with refusal:
            told = f"{refusal.code} {_line(refusal.read())}"
    except Exception as error:  # refused, reset, timed out, or not HTTP at all: the next tick tries again
        told = f"no answer: {getattr(error, 'reason', error)}"
    return f"{told} ({(time.monotonic() - started) * 1000:.0f} ms)"


def _opener() -> urllib.request.OpenerDirector:
    """A proxy named in the environment has no business with the loopback."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _line(body: bytes) -> str:
    return " ".join(body.decode(errors="replace").split())[:LONGEST_LINE]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.local.cron", description="Calls a URL on a fixed beat.")
    parser.add_argument("--url", default="http://127.0.0.1:8000/api/posts/recover")
    parser.add_argument("--every", type=_positive, default=300, metavar="SECONDS", help="default: 300")
    # The environment is the better place for it: arguments show in every process list.
    parser.add_argument("--secret", default=os.environ.get("CRON_SECRET", ""), help="default: CRON_SECRET")
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
