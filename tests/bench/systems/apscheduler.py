"""APScheduler 3 with its SQLAlchemy job store on PostgreSQL and 20 threads, as its user guide shows.

It runs one process, since a job store must not be shared. `misfire_grace_time` is the default (1 s). A second system
sets it to None, so that late jobs run too.
"""

import sys
from datetime import UTC, datetime
from typing import Any

from tests.bench.peers import listen
from tests.bench.send_job import send
from tests.bench.systems.packaged_system import LibrarySystem
from tests.bench.systems.system import SystemContext

THREADS = 20


class Scheduler:
    def __init__(self, database_url: str, webhook: str, grace: str) -> None:
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
        from apscheduler.schedulers.background import BackgroundScheduler

        self._webhook = webhook
        self._options: dict[str, Any] = {} if grace == "default" else {"misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(
            jobstores={"default": SQLAlchemyJobStore(url=database_url)},
            executors={"default": ThreadPoolExecutor(THREADS)},
            job_defaults={"coalesce": False, "max_instances": 3},
            timezone=UTC,
        )
        self._scheduler.start()

    def schedule(self, key: str, due: float) -> None:
        at = datetime.fromtimestamp(due, UTC)
        self._scheduler.add_job(send, "date", run_date=at, args=[self._webhook, key], id=key, **self._options)

    def unschedule(self, key: str) -> None:
        self._scheduler.remove_job(key)


class APScheduler(LibrarySystem):
    name = "apscheduler"
    note = f"job store in PostgreSQL, {THREADS} threads, default misfire_grace_time (1 s)"
    module = "tests.bench.systems.apscheduler"
    grace = "default"

    def arguments(self, context: SystemContext) -> list[str]:
        url = context.new_database(self.name).replace("postgresql://", "postgresql+psycopg2://")
        return [url, context.webhook, self.grace]


class LateAPScheduler(APScheduler):
    name = "apscheduler-late"
    note = "the same with misfire_grace_time=None: late jobs run too"
    workloads = frozenset({"burst", "crash"})
    grace = "none"


if __name__ == "__main__":
    listen(Scheduler(*sys.argv[2:]))
