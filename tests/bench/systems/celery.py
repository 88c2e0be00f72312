"""Celery with Redis as its broker, 8 worker processes, `eta` as the due instant, and defaults otherwise.

It runs only where there is a Redis, because it has no scheduling on PostgreSQL.
"""

import sys
from datetime import UTC, datetime
from typing import Any

from tests.bench.peers import listen
from tests.bench.send_job import send
from tests.bench.systems.packaged_system import LibrarySystem
from tests.bench.systems.system import SystemContext

PROCESSES = 8
PING_TRIES = 30


def application(broker: str) -> tuple[Any, Any]:
    """Create the Celery app and its only task."""
    from celery import Celery

    app = Celery("bench", broker=broker)
    return app, app.task(name="send")(send)


class Applier:
    def __init__(self, app: Any, task: Any, webhook: str) -> None:
        self._app = app
        self._task = task
        self._webhook = webhook

    def schedule(self, key: str, due: float) -> None:
        self._task.apply_async((self._webhook, key), eta=datetime.fromtimestamp(due, UTC), task_id=key)

    def unschedule(self, key: str) -> None:
        self._app.control.revoke(key)


class Celery(LibrarySystem):
    name = "celery"
    note = f"Redis with its append-only file, {PROCESSES} processes, default visibility timeout (1 h)"
    module = "tests.bench.systems.celery"
    has_worker = True
    needs_redis = True

    def arguments(self, context: SystemContext) -> list[str]:
        assert context.redis_url is not None
        return [context.redis_url, context.webhook]


def _await_worker(app: Any) -> None:
    for _ in range(PING_TRIES):
        if app.control.ping(timeout=1):
            return
    raise RuntimeError("no worker answers")


if __name__ == "__main__":
    made, sender = application(sys.argv[2])
    if sys.argv[1] == "work":
        made.worker_main(["worker", f"--concurrency={PROCESSES}", "--loglevel=WARNING"])
    else:
        _await_worker(made)
        listen(Applier(made, sender, sys.argv[3]))
