"""The shared environment: one PostgreSQL server, one receiver and, if available, one Redis."""

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from app.local import environment, ports
from app.local.child_processes import Spec
from app.local.stop_signal import StopSignal
from tests.bench.ledger import Ledger
from tests.bench.systems.system import SystemContext
from tests.support.durable_postgres import Postgres
from tests.support.process_group import ProcessGroup


@dataclass(frozen=True)
class ProcessOptions:
    """Process options of the command line.

    None for `workers` and `threads` means the local stack's numbers. None for `redis_url` means a Redis of our own.
    """

    workers: int | None = None
    threads: int | None = None
    settings: dict[str, str] = field(default_factory=dict)
    redis_url: str | None = None


class BenchStack(ProcessGroup):
    def __init__(self, state: Path, options: ProcessOptions, stop: StopSignal) -> None:
        super().__init__(state / "logs", stop)
        self._state = state
        self._options = options
        self._count = 0
        self._postgres = Postgres(self.logs / "postgres.log")
        port = next(ports.each_free())
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "tests.bench.receiver", "--port", str(port)]
        self.add([Spec("receiver", command, environment.base(os.environ, alone=True), f"{url}/count")])
        self.ledger = Ledger(url)
        self.redis_url = options.redis_url

    def open(self) -> None:
        self._postgres.create()
        self._postgres.start()
        self.start("receiver")
        if self.redis_url is None and (program := shutil.which("redis-server")):
            self._start_redis(program)

    def system_context(self, name: str) -> SystemContext:
        """Return a fresh folder and database for a system, and clear the ledger."""
        self._count += 1
        self.ledger.clear()
        return SystemContext(
            folder=self._state / f"{self._count:03}-{name}",
            webhook=self.ledger.webhook,
            stop=self.stop_sign,
            new_database=self._postgres.new_database,
            redis_url=self.redis_url,
            workers=self._options.workers,
            threads=self._options.threads,
            settings=self._options.settings,
        )

    def _start_redis(self, program: str) -> None:
        port = next(ports.each_free())
        data = self._state / "redis"
        data.mkdir()
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(data), "--appendonly", "yes"]
        self.add([Spec("redis", command, environment.base(os.environ, alone=True))])
        self.start("redis")
        self.redis_url = f"redis://127.0.0.1:{port}/0"

    def close(self) -> None:
        super().close()
        self.ledger.close()
        self._postgres.close()
