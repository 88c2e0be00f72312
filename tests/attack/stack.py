"""The attacked system: Punctual as the local stack starts it, PostgreSQL, and a receiver in place of n8n."""

import os
import sys
from pathlib import Path

from app.local import environment, ports
from app.local.child_processes import Spec
from app.local.stop_signal import StopSignal
from tests.bench.ledger import Ledger
from tests.support.app_stack import AppStack, StackOptions
from tests.support.durable_postgres import Postgres

REFUSED_TEXT = "[refuse this post]"  # the receiver answers 500 to a post with it


class AttackStack(AppStack):
    def __init__(self, state: Path, stop: StopSignal) -> None:
        (state / "logs").mkdir(parents=True)
        self._postgres = Postgres(state / "logs" / "postgres.log")
        port = next(ports.each_free())
        self.ledger = Ledger(f"http://127.0.0.1:{port}")
        options = StackOptions(self._postgres.url, overrides={"N8N_WEBHOOK_URL": self.ledger.webhook})
        super().__init__(state, options, stop)
        command = [sys.executable, "-m", "tests.bench.receiver", "--port", str(port), "--refuse", REFUSED_TEXT]
        ready = f"http://127.0.0.1:{port}/count"
        self.add([Spec("receiver", command, environment.base(os.environ, alone=True), ready)])

    def open(self) -> None:
        self._postgres.create()
        self._postgres.start()
        self.migrate()
        for name in ("receiver", "app", "qstash"):
            self.start(name)

    def close(self) -> None:
        super().close()
        self.ledger.close()
        self._postgres.close()
