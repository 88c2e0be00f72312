"""The lower bound of calls: a bare Flask app under the same server, with the same database and message service."""

import os
import sys
import uuid
from collections.abc import Sequence

import psycopg2

from app.local import environment
from app.local.child_processes import Spec
from app.local.ports import HOST
from app.local.stack import THREADS, WORKERS
from tests.bench.api import Api
from tests.bench.bare_app import SCHEMA
from tests.bench.calls import make_calls
from tests.bench.ledger import Post
from tests.bench.server_time import server_ms
from tests.bench.systems.system import SystemContext
from tests.support.app_stack import AppStack, StackOptions


class BareHttp:
    name = "bare-http"
    workloads = frozenset({"calls"})
    pace = 0.015
    needs_redis = False

    def __init__(self, context: SystemContext) -> None:
        self._database_url = context.new_database("bare_http")
        workers, threads = context.workers or WORKERS, context.threads or THREADS
        self.note = f"Flask, a token, INSERT, one message, UPDATE. Granian with {workers} × {threads} threads"
        context.folder.mkdir(parents=True)
        self._stack = AppStack(context.folder, StackOptions(self._database_url), context.stop)
        self._stack.add([self._app(workers, threads)])
        self._api: Api

    def _app(self, workers: int, threads: int) -> Spec:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--host", HOST]
        command += ["--port", str(self._stack.ports.app), "--workers", str(workers)]
        command += ["--blocking-threads", str(threads), "--factory", "tests.bench.bare_app:from_environment"]
        settings = environment.base(os.environ, alone=True) | self._stack.settings
        return Spec("app", command, settings, f"{self._stack.url}/healthz")

    def open(self) -> None:
        connection = psycopg2.connect(self._database_url, connect_timeout=5)
        with connection, connection.cursor() as cursor:
            cursor.execute(SCHEMA)
        connection.close()
        for name in ("qstash", "app"):
            self._stack.start(name)
        self._api = Api(self._stack.url, self._stack.token("bench"))

    def new_keys(self, count: int) -> list[str]:
        return [str(uuid.uuid4()) for _ in range(count)]

    def schedule(self, posts: Sequence[Post], threads: int) -> float:
        return make_calls(lambda post: self._api.schedule(post.key, post.due), posts, threads)[1]

    def schedule_new(self, count: int, due: float) -> float:
        raise NotImplementedError  # no bulk call

    def unschedule(self, posts: Sequence[Post], threads: int) -> float:
        return make_calls(lambda post: self._api.unschedule(post.key), posts, threads)[1]

    def server_ms(self) -> float:
        return server_ms(self._stack.workers("app"), self._database_url)

    def kill(self) -> None:
        self._stack.kill("app")

    def restart(self) -> None:
        self._stack.start("app")

    def undecided(self, keys: Sequence[str]) -> set[str]:
        return set()

    def close(self) -> None:
        self._stack.close()
