"""Start the app's HTTP server, Granian: `python -m app.serve`. Every option that a host needs is said here once.

Invariant: this process becomes Granian by exec. Only the log's formatter stays in the parent, so
a reload runs new code.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

from app.settings.environment import read_settings
from app.settings.values import Settings, SettingsError

SPARE_THREADS = 128  # for due deliveries, reports and users, on top of the waiting deliveries
MAX_CONNECTIONS = 8_192  # of one worker. Idle and unfinished ones wait in its event loop, without a thread
MAX_FILES = 65_536
BACKLOG = 4_096
HEADER_SECONDS = 60  # Granian's longest. It ends an unfinished header, and an idle connection between two requests
IDLE_THREAD_SECONDS = 600
RELOAD_SECONDS = 15.0  # a new worker has this long to load the app before the old one stops, whether it is ready or not
KEPT_SECONDS = (
    2  # deliveries due within this are sent by the ending process: COMES_BACK_WITHIN in app/delivery/seats.py
)
SETTLE_SECONDS = 10
LOG_CONFIG = Path(__file__).with_name("serve_log.json")  # its lines as JSON, by the formatter of app/log.py


def main(arguments: Sequence[str] | None = None) -> None:
    """Check the settings, then become the server. Bad settings end the process with exit status 3."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  (no log yet)
        raise SystemExit(3) from None
    command = granian_command(options, settings, _raise_file_limit())
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606  # nosec B606: no shell is wanted


def granian_command(options: argparse.Namespace, settings: Settings, files: int) -> list[str]:
    """Return Granian's command for these options. `files` is the number of files that a worker may open."""
    workers = options.workers or default_workers(settings.database_url)
    threads = options.threads or settings.dispatch_max_waiting + SPARE_THREADS
    grace = options.grace or settings.n8n_timeout_seconds + settings.media_check_seconds + KEPT_SECONDS + SETTLE_SECONDS
    command = [sys.executable, "-m", "granian", "wsgi:served", "--factory"]
    command += ["--interface", "wsgi", "--http", "1", "--no-ws"]
    command += ["--host", options.host, "--port", str(options.port), "--backlog", str(BACKLOG)]
    command += ["--workers", str(workers), "--blocking-threads", str(threads)]
    command += ["--blocking-threads-idle-timeout", str(IDLE_THREAD_SECONDS)]
    command += ["--backpressure", str(min(MAX_CONNECTIONS, files // 2))]
    command += ["--http1-header-read-timeout", str(HEADER_SECONDS * 1000)]
    command += ["--log-config", str(LOG_CONFIG)]
    command += ["--respawn-failed-workers", "--respawn-interval", str(options.reload_seconds)]
    return [*command, "--workers-kill-timeout", str(max(1, round(grace)))]


def default_workers(database_url: str) -> int:
    """Return the number of worker processes: one for each processor, and one alone on SQLite.

    SQLite has one writer. A second process would wait for the write lock, and due posts would wait with it.
    """
    return 1 if database_url.startswith("sqlite") else os.cpu_count() or 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.serve", description="Serve Punctual over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="the IP address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="the port (default: %(default)s)")
    parser.add_argument("--workers", type=int, help="worker processes (default: one per processor, on SQLite one)")
    parser.add_argument("--threads", type=int, help=f"of one worker (default: DISPATCH_MAX_WAITING + {SPARE_THREADS})")
    parser.add_argument(
        "--grace", type=float, help="seconds for requests in flight at the end (default: from settings)"
    )
    parser.add_argument(
        "--reload-seconds", type=float, default=RELOAD_SECONDS, help="until the old worker stops (default: %(default)s)"
    )
    return parser


def _raise_file_limit() -> int:
    """Raise the limit of open files, often 1,024, and return it. Each connection is a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_FILES if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except ValueError:  # the kernel of macOS has a lower limit than it names
        return soft
    return wanted


if __name__ == "__main__":
    main()
