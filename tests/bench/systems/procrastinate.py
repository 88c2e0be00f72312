"""Procrastinate on PostgreSQL: one worker with 30 concurrent jobs, as its concurrency guide shows.

Its polling interval is the default (5 s). Jobs are deferred with `schedule_at`.
"""

import sys
from datetime import UTC, datetime
from typing import Any

from tests.bench.peers import listen
from tests.bench.systems.packaged_system import LibrarySystem
from tests.bench.systems.system import SystemContext

CONCURRENCY = 30


def application(database_url: str, webhook: str) -> tuple[Any, Any]:
    """Create the Procrastinate app and its only task."""
    import aiohttp
    import procrastinate

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database_url))
    sessions: list[aiohttp.ClientSession] = []

    async def send(key: str) -> None:
        if not sessions:
            sessions.append(aiohttp.ClientSession())
        body = {"postId": key, "userId": "bench", "content": "A post of the bench", "platform": "linkedin"}
        async with sessions[0].post(webhook, json=body) as answer:
            answer.raise_for_status()
            await answer.read()

    return app, app.task(name="send")(send)


class Deferrer:
    def __init__(self, app: Any, task: Any) -> None:
        self._app = app
        self._task = task
        self._jobs: dict[str, int] = {}

    def schedule(self, key: str, due: float) -> None:
        at = datetime.fromtimestamp(due, UTC)
        self._jobs[key] = self._task.configure(schedule_at=at).defer(key=key)

    def unschedule(self, key: str) -> None:
        if not self._app.job_manager.cancel_job_by_id(self._jobs.pop(key)):
            raise RuntimeError(f"{key} could not be cancelled")


class Procrastinate(LibrarySystem):
    name = "procrastinate"
    note = f"one worker, concurrency {CONCURRENCY}, default polling (5 s), stalled jobs are not retried by default"
    module = "tests.bench.systems.procrastinate"
    has_worker = True

    def arguments(self, context: SystemContext) -> list[str]:
        return [context.new_database(self.name), context.webhook]

    def prepare(self) -> None:
        app, _ = application(*self._arguments)
        with app.open():
            app.schema_manager.apply_schema()


if __name__ == "__main__":
    made, sender = application(*sys.argv[2:])
    if sys.argv[1] == "work":
        made.run_worker(concurrency=CONCURRENCY)
    else:
        with made.open():
            listen(Deferrer(made, sender))
