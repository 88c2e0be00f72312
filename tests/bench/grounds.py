"""What the systems share: one PostgreSQL server with a database for each, and the one receiver that all meet."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from app.local import environment
from app.local.children import Spec
from app.local.stopping import StopSign
from tests.bench.ledger import Ledger
from tests.bench.systems.system import Ground
from tests.support.household import Household, free_ports
from tests.support.lasting_postgres import Postgres


@dataclass(frozen=True)
class Wishes:
    """What the command line says about Punctual's own processes; None: as the local stack has it."""

    workers: int | None = None
    threads: int | None = None
    settings: dict[str, str] = field(default_factory=dict)


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

    def open(self) -> None:
        self._postgres.create()
        self._postgres.start()
        self.start("receiver")

    def ground(self, name: str) -> Ground:
        """A folder and a database nobody has used yet."""
        self._count += 1
        self.ledger.clear()
        return Ground(
            folder=self._state / f"{self._count:03}-{name}",
            webhook=self.ledger.webhook,
            stop=self.stop_sign,
            new_database=self._postgres.new_database,
            workers=self._wishes.workers,
            threads=self._wishes.threads,
            settings=self._wishes.settings,
        )

    def close(self) -> None:
        super().close()
        self.ledger.close()
        self._postgres.close()
