"""Punctual as deployed: Granian, PostgreSQL, signed deliveries of the QStash stand-in, encrypted tokens.

The receiver replaces n8n: it accepts posts and sends no report.
"""

import time
from collections.abc import Sequence
from typing import Any, ClassVar

import psycopg2
import requests

from app.local.stack import THREADS, WORKERS
from tests.bench.api import Api
from tests.bench.calls import make_calls
from tests.bench.ledger import Post
from tests.bench.server_time import server_ms
from tests.bench.systems.system import SystemContext
from tests.support.app_stack import AppStack, StackOptions

WRITERS = 8
CONTROL_SECONDS = 10.0
IN_DOUBT = "SELECT id::text FROM posts WHERE status = 'publishing' AND id::text = ANY(%s)"


class Punctual:
    name = "punctual"
    workloads = frozenset({"quiet", "burst", "calls", "bulk", "crash"})
    pace = 0.015
    needs_redis = False
    changes: ClassVar[dict[str, str]] = {}  # of the local stack's settings

    def __init__(self, context: SystemContext) -> None:
        self._database_url = context.new_database(self.name)
        changes = {**self.changes, **context.settings}
        overrides = {"N8N_WEBHOOK_URL": context.webhook, **changes}
        workers, threads = context.workers or WORKERS, context.threads or THREADS
        options = StackOptions(self._database_url, workers, threads, overrides=overrides)
        context.folder.mkdir(parents=True)
        self._stack = AppStack(context.folder, options, context.stop)
        changed = "".join(f", {name}={value}" for name, value in changes.items())
        self.note = f"the local stack's processes, Granian with {workers} × {threads} threads on PostgreSQL{changed}"
        self._api: Api
        self._account = ""

    def open(self) -> None:
        self._stack.migrate()
        for name in ("app", "qstash", "cron"):
            self._stack.start(name)
        self._api = Api(self._stack.url, self._stack.token("bench"))
        self._account = self._api.account()

    def new_keys(self, count: int) -> list[str]:
        texts = [f"Post number {number} of the bench" for number in range(count)]
        return make_calls(lambda text: self._api.write(text, self._account), texts, WRITERS)[0]

    def schedule(self, posts: Sequence[Post], threads: int) -> float:
        return make_calls(lambda post: self._api.schedule(post.key, post.due), posts, threads)[1]

    def schedule_new(self, count: int, due: float) -> float:
        texts = [f"Post number {number} of a bulk call" for number in range(count)]
        began = time.perf_counter()
        self._api.bulk(texts, due, self._account)
        return time.perf_counter() - began

    def unschedule(self, posts: Sequence[Post], threads: int) -> float:
        return make_calls(lambda post: self._api.unschedule(post.key), posts, threads)[1]

    def server_ms(self) -> float:
        return server_ms(self._stack.workers("app"), self._database_url)

    def kill(self) -> None:
        self._stack.kill("app")

    def restart(self) -> None:
        self._stack.start("app")

    def undecided(self, keys: Sequence[str]) -> set[str]:
        return {row[0] for row in self._select(IN_DOUBT, list(keys))}

    def roughen(self, seconds: float, cold_seconds: float, cold_share: float) -> None:
        body = {"seconds": seconds, "coldSeconds": cold_seconds, "coldShare": cold_share}
        url = f"{self._stack.ports.url('qstash')}/_local/slow"
        requests.post(url, json=body, timeout=CONTROL_SECONDS).raise_for_status()

    def close(self) -> None:
        self._stack.close()

    def _select(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self._database_url, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall()
        finally:
            connection.close()


class AutoLead(Punctual):
    name = "auto-lead"
    workloads = frozenset({"rough"})
    changes: ClassVar[dict[str, str]] = {"DISPATCH_LEAD_SECONDS": "auto"}


class OneSecondLead(Punctual):
    name = "lead-1"
    workloads = frozenset({"rough"})
    changes: ClassVar[dict[str, str]] = {"DISPATCH_LEAD_SECONDS": "1"}
