"""The platform's cron on one machine: calls a URL with the cron secret at a fixed interval.

Invariant: no answer and no error ends the cron.
"""

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
MAX_LINE_LENGTH = 300  # characters of an answer to print


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    call_until(stop, args.url, args.secret, args.every)
    return 0


def call_until(stop: threading.Event, url: str, secret: str, every: float) -> None:
    """Call the URL now and then every `every` seconds until `stop` is set.

    A call that takes longer than the interval skips the missed times, so calls never overlap.
    """
    start = time.monotonic()
    while not stop.is_set():
        print(f"{datetime.now(UTC):%H:%M:%S} {call(url, secret)}", flush=True)
        elapsed = time.monotonic() - start
        stop.wait(every - elapsed % every)


def call(url: str, secret: str) -> str:
    """Call the URL once and return the line to print. Raises nothing, so the cron goes on."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {secret}", "User-Agent": "local-cron"})
    started = time.monotonic()
    try:
        with _opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            result = f"{answer.status} {_line(answer.read())}"
    except urllib.error.HTTPError as refusal:
        with refusal:
            result = f"{refusal.code} {_line(refusal.read())}"
    except Exception as error:  # refused, reset, timed out, or not HTTP: the next call tries again
        result = f"no answer: {getattr(error, 'reason', error)}"
    return f"{result} ({(time.monotonic() - started) * 1000:.0f} ms)"


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that ignores the proxies of the environment, for the URL is on the loopback."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _line(body: bytes) -> str:
    return " ".join(body.decode(errors="replace").split())[:MAX_LINE_LENGTH]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.local.cron", description="Calls a URL at a fixed interval.")
    parser.add_argument("--url", default="http://127.0.0.1:8000/api/posts/recover")
    parser.add_argument("--every", type=_positive, default=300, metavar="SECONDS", help="default: 300")
    # Prefer the environment: command-line arguments show in every process list.
    parser.add_argument("--secret", default=os.environ.get("CRON_SECRET", ""), help="default: CRON_SECRET")
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
