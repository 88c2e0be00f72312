"""What the systems share: one PostgreSQL server with a database for each, and the one receiver that all meet."""

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from app.local import environment
from app.local.child_processes import Spec
from app.local.stop_signal import StopSign
from tests.bench.ledger import Ledger
from tests.bench.systems.system import Ground
from tests.support.durable_postgres import Postgres
from tests.support.process_group import Household, free_ports


@dataclass(frozen=True)
class Wishes:
    """What the command line says of processes. None: Punctual's as the local stack has them; the Redis, our own."""

    workers: int | None = None
    threads: int | None = None
    settings: dict[str, str] = field(default_factory=dict)
    redis_url: str | None = None


class Grounds(Household):
    def __init__(self, state: Path, wishes: Wishes, stop: StopSign) -> None:
        super().__init__(state / "logs", stop)
        self._state = state
        self._wishes = wishes
        self._count = 0
        self._postgres = Postgres(self.logs / "postgres.log")
        port = next(free_ports())
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "tests.bench.receiver", "--port", str(port)]
        self.takes_in([Spec("receiver", command, environment.base(os.environ, alone=True), f"{url}/count")])
        self.ledger = Ledger(url)
        self.redis_url = wishes.redis_url

    def open(self) -> None:
        self._postgres.create()
        self._postgres.start()
        self.start("receiver")
        if self.redis_url is None and (program := shutil.which("redis-server")):
            self._start_redis(program)

    def ground(self, name: str) -> Ground:
        """A folder and a database nobody has used yet."""
        self._count += 1
        self.ledger.clear()
        return Ground(
            folder=self._state / f"{self._count:03}-{name}",
            webhook=self.ledger.webhook,
            stop=self.stop_sign,
            new_database=self._postgres.new_database,
            redis_url=self.redis_url,
            workers=self._wishes.workers,
            threads=self._wishes.threads,
            settings=self._wishes.settings,
        )

    def _start_redis(self, program: str) -> None:
        port = next(free_ports())
        data = self._state / "redis"
        data.mkdir()
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(data), "--appendonly", "yes"]
        self.takes_in([Spec("redis", command, environment.base(os.environ, alone=True))])
        self.start("redis")
        self.redis_url = f"redis://127.0.0.1:{port}/0"

    def close(self) -> None:
        super().close()
        self.ledger.close()
        self._postgres.close()
