"""All processes of a run: Punctual's own, its database and n8n. Each can be killed and restarted."""

from collections.abc import Callable
from pathlib import Path

from app.local.client import Client
from app.local.errors import StackError
from app.local.stop_signal import StopSignal
from tests.support.app_stack import AppStack, StackOptions
from tests.support.durable_postgres import Postgres

WORKERS, THREADS, WAITING = 2, 64, 32
CRON_EVERY = 2.0


class ChaosStack(AppStack):
    """The stack with short timeouts: minutes become seconds. `database` makes its server from the path of a log."""

    def __init__(
        self, state: Path, lease_seconds: float, stop: StopSignal, database: Callable[[Path], Postgres] = Postgres
    ) -> None:
        self.lease_seconds = lease_seconds
        self.n8n_timeout = lease_seconds / 4
        (state / "logs").mkdir(parents=True)
        self.database = database(state / "logs" / "postgres.log")
        super().__init__(state, StackOptions(self.database.url, WORKERS, THREADS, CRON_EVERY, self._tuning()), stop)

    @property
    def n8n_data(self) -> Path:
        return self.state / "n8n"

    def open(self) -> None:
        self.database.create()
        self.database.start()
        self.migrate()
        for name in ("n8n", "app", "qstash", "cron"):
            self.start(name)

    def answers(self, name: str) -> bool:
        """Return True if the process is ready. The app is, once its database takes writes."""
        if name != "app":
            return super().answers(name)
        app = Client(self.url)
        try:
            return bool(app.get("/healthz")["database"] == "ok")
        except StackError:
            return False
        finally:
            app.close()

    def close(self) -> None:
        super().close()
        self.database.close()

    def _describe(self) -> None:
        super()._describe()
        self.add([self.stand_in("n8n", "/healthz", ("N8N_CALLBACK_SECRET",), "--data", str(self.n8n_data))])

    def _tuning(self) -> dict[str, str]:
        return {
            "N8N_TIMEOUT_SECONDS": str(self.n8n_timeout),
            "PUBLISH_LEASE_SECONDS": str(self.lease_seconds),
            "RETRY_BASE_SECONDS": "2",
            "SWEEP_GRACE_SECONDS": "3",
            "SWEEP_BUDGET_SECONDS": "10",
            "BREAKER_COOLDOWN_SECONDS": "2",
            "DISPATCH_MAX_WAITING": str(WAITING),
        }
