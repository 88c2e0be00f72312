"""Runs the whole system under a steady load, and shows what grows.

    python -m tests.bench.soak [--minutes 30] [--posts 10] [--reads 50] [--every 30] [--heap]

Punctual's server with two workers, PostgreSQL, and the stand-ins of QStash and n8n. `--posts` and `--reads` are per
second. `--heap` traces Python's own memory, which slows the workers down. The difference to RSS is outside its heap.
Exits with 1 where a request failed or a post is not published a minute after the end.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psycopg2

from app.local.errors import StackError, StopRequested
from app.local.stop_signal import StopSignal
from tests.bench.soak_load import Load
from tests.bench.soak_samples import Sampler, summary
from tests.support.app_stack import AppStack, StackOptions
from tests.support.durable_postgres import Postgres

WORKERS, THREADS = 2, 128
USER = "soak"
LAST_SECONDS = 60.0  # for the reports of the last posts
MONTH_SECONDS = 30 * 86_400
BYTES = "SELECT pg_database_size(current_database())"
PUBLISHED = "SELECT count(*) FROM posts WHERE status = 'published'"  # a post whose row is gone is not published


class SoakStack(AppStack):
    def __init__(self, state: Path, *, heap: bool, stop: StopSignal) -> None:
        (state / "logs").mkdir(parents=True)
        self.database = Postgres(state / "logs" / "postgres.log")
        self.secret = secrets.token_hex(32)
        overrides = {"METRICS_SECRET": self.secret} | ({"PYTHONTRACEMALLOC": "1"} if heap else {})
        options = StackOptions(self.database.url, WORKERS, THREADS, 60.0, overrides)
        super().__init__(state, options, stop)
        self.add([self.stand_in("n8n", "/healthz", ("N8N_CALLBACK_SECRET",), "--data", str(state / "n8n"))])

    def open(self) -> None:
        self.database.create()
        self.database.start()
        self.migrate()
        for name in ("n8n", "app", "qstash", "cron"):
            self.start(name)

    def close(self) -> None:
        super().close()
        self.database.close()


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stop = StopSignal()
    stop.install()
    state = Path(tempfile.mkdtemp(prefix="punctual-soak-"))
    stack = SoakStack(state, heap=options.heap, stop=stop)
    code = 1
    try:
        stack.open()
        code = _soak(stack, options)
    except StopRequested:
        code = 130
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
    finally:
        stack.close()
        if code:
            print(f"\nLogs: {state}")
        else:
            shutil.rmtree(state, ignore_errors=True)
    return code


def _soak(stack: SoakStack, options: argparse.Namespace) -> int:
    load = Load(stack.url, stack.token(USER), options.posts, options.reads)
    load.connect()
    sampler = Sampler(stack.url, stack.secret, stack.workers("app"), stack.database.url)
    began, size = time.monotonic(), number(stack.database.url, BYTES)
    load.start()
    print(sampler.head(), flush=True)
    while (left := began + options.minutes * 60 - time.monotonic()) > 0:
        time.sleep(min(left, options.every))
        print(sampler.sample(), flush=True)
        stack.stop_sign.check()
    load.stop()
    unpublished = load.wait_for_reports(lambda: number(stack.database.url, PUBLISHED), LAST_SECONDS)
    posts = max(1, len(load.posts))
    log = (stack.state / "logs" / "app.log").stat().st_size / posts
    rows = (number(stack.database.url, BYTES) - size) / posts
    print(f"\n{summary(sampler, load)}\nnot published {unpublished}")
    print(f"log {log:,.0f} and database {rows:,.0f} bytes a post, with the reads' lines and the indexes")
    monthly = options.posts * MONTH_SECONDS
    month = f"{log * monthly / 1e9:,.1f} GB of log, {rows * monthly / 1e9:,.1f} GB of rows"
    print(f"a month of this load: {monthly:,.0f} posts, {month}")
    return int(bool(load.errors) or bool(unpublished))


def number(url: str, statement: str) -> int:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            [found] = cursor.fetchall()
            return int(found[0])
    finally:
        connection.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--posts", type=float, default=10.0, help="per second")
    parser.add_argument("--reads", type=float, default=50.0, help="per second")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two lines")
    parser.add_argument("--heap", action="store_true", help="trace Python's own memory")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
