"""Every process of the run: the app under gunicorn, its database, the stand-ins and the cron. Each can be struck down
and started again, and none outlives the run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from app.local import client, environment, ports
from app.local.children import Child, Spec
from app.local.ports import HOST, Ports
from app.local.problems import StackError
from app.local.stopping import StopSign
from tests.chaos.database import Postgres

ROOT = Path(__file__).resolve().parents[2]
WORKERS, THREADS, WAITING = 2, 64, 32
GRACE_SECONDS = 15
CRON_EVERY = 2.0
START_SECONDS = 60.0
PORTS = range(15_000, 32_000)  # below those that clients are given, who could take one over while its server is down


class House:
    """Children are started from the thread that made it: the kernel ends them with that very thread."""

    def __init__(self, state: Path, lease_seconds: float, stop: StopSign) -> None:
        self.state = state
        self.logs = state / "logs"
        self.logs.mkdir(parents=True)
        self.lease_seconds = lease_seconds
        self.n8n_timeout = lease_seconds / 4
        self.ports = _free_ports()
        self.stop_sign = stop
        self.database = Postgres(self.logs / "postgres.log")
        self._children: dict[str, Child] = {}
        self._base = environment.base(os.environ, alone=True)
        usual = environment.settings(
            self.ports, state, environment.load_secrets(state / "secrets.json"), self.database.url
        )
        self._settings = {**usual, **self._tuning()}
        self._specs = {spec.name: spec for spec in (self._n8n(), self._app(), self._qstash(), self._cron())}

    @property
    def url(self) -> str:
        return self.ports.url("app")

    @property
    def n8n_data(self) -> Path:
        return self.state / "n8n"

    def open(self) -> None:
        self.database.create()
        self.database.start()
        migrate = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
        Child(Spec("migrations", migrate, self._all()), ROOT, self.logs).finish(self.stop_sign, START_SECONDS)
        for name in ("n8n", "app", "qstash", "cron"):
            self.start(name)

    def token(self, user: str) -> str:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "token", user]
        done = subprocess.run(
            command, cwd=ROOT, env=self._all(), capture_output=True, text=True, timeout=START_SECONDS, check=True
        )
        return done.stdout.strip()

    def start(self, name: str) -> None:
        """Returns once it answers."""
        self.launch(name)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers(name):
            if self._children[name].exit_code is not None or time.monotonic() > deadline:
                raise StackError(f"{name} does not come up.\n{self.last_words(name)}")
            self.stop_sign.pause()

    def launch(self, name: str) -> None:
        self._children[name] = Child(self._specs[name], ROOT, self.logs)

    def answers(self, name: str) -> bool:
        url = self._specs[name].ready_url
        return url is None or client.answers(url)

    def last_words(self, name: str) -> str:
        return self._children[name].last_words()

    def kill(self, name: str) -> None:
        """kill -9, of all its processes at once."""
        child = self._children[name]
        os.killpg(child.pid, signal.SIGKILL)
        child.end(self.stop_sign)

    def terminate(self, name: str) -> int | None:
        """SIGTERM, and what it has to say after its grace: 0 where it left by itself."""
        child = self._children[name]
        child.ask_to_stop()
        child.end(self.stop_sign)
        return child.exit_code

    def workers(self) -> list[int]:
        return _children_of(self._children["app"].pid)

    def missing(self) -> list[str]:
        return [name for name, child in self._children.items() if child.exit_code is not None]

    def close(self) -> None:
        for child in reversed(self._children.values()):
            child.ask_to_stop()
            child.end(self.stop_sign)
        self.database.close()

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

    def _app(self) -> Spec:
        command = ["gunicorn", "wsgi:app", "--bind", f"{HOST}:{self.ports.app}", "--no-control-socket"]
        command += ["--worker-class", "gthread", "--workers", str(WORKERS), "--threads", str(THREADS)]
        command += ["--graceful-timeout", str(GRACE_SECONDS), "--timeout", "60", "--keep-alive", "75"]
        ready = f"{self.url}/healthz"
        return Spec("app", [sys.executable, "-m", *command], self._all(), ready, patience=GRACE_SECONDS + 5)

    def _qstash(self) -> Spec:
        told = environment.only(
            self._settings, ("QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")
        )
        return self._stand_in("qstash", "/_local/messages", told, "--data", str(self.state / "qstash.sqlite"))

    def _n8n(self) -> Spec:
        told = environment.only(self._settings, ("N8N_CALLBACK_SECRET",))
        return self._stand_in("n8n", "/healthz", told, "--data", str(self.n8n_data))

    def _cron(self) -> Spec:
        command = [sys.executable, "-m", "app.local.cron", "--url", f"{self.url}/api/posts/recover"]
        told = environment.only(self._settings, ("CRON_SECRET",))
        return Spec("cron", [*command, "--every", str(CRON_EVERY)], {**self._base, **told})

    def _stand_in(self, name: str, ready: str, told: dict[str, str], *more: str) -> Spec:
        command = [sys.executable, "-m", f"app.local.{name}", "--host", HOST]
        command += ["--port", str(getattr(self.ports, name)), *more]
        return Spec(name, command, {**self._base, **told}, self.ports.url(name) + ready)

    def _all(self) -> dict[str, str]:
        return {**self._base, **self._settings}


def _free_ports() -> Ports:
    free = (port for port in random.SystemRandom().sample(PORTS, 100) if not ports.is_busy(port))
    return Ports(next(free), next(free), next(free))


def _children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone in the meantime
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found
