"""Punctual's own processes, as the local stack starts them: the app under gunicorn, QStash and the cron."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.local import environment
from app.local.child_processes import Spec
from app.local.ports import HOST, Ports
from app.local.stack import GRACE_SECONDS, THREADS, WORKERS, app_command
from app.local.stop_signal import StopSign
from tests.support.process_group import ROOT, START_SECONDS, Household, free_ports


@dataclass(frozen=True)
class Furnishing:
    """What differs from house to house."""

    database_url: str
    workers: int = WORKERS
    threads: int = THREADS
    cron_every: float = 300.0
    overrides: Mapping[str, str] = field(default_factory=dict)


class House(Household):
    """The shell's own tuning stays outside. n8n is somebody else's: whoever needs one takes it in."""

    def __init__(self, state: Path, furnishing: Furnishing, stop: StopSign) -> None:
        super().__init__(state / "logs", stop)
        self.state = state
        self.furnishing = furnishing
        free = free_ports()
        self.ports = Ports(next(free), next(free), next(free))
        self._base = environment.base(os.environ, alone=True)
        made = environment.load_secrets(state / "secrets.json")
        usual = environment.settings(self.ports, state, made, furnishing.database_url)
        self.settings = {**usual, **furnishing.overrides}
        self.takes_in((self._app(), self._qstash(), self._cron()))

    @property
    def url(self) -> str:
        return self.ports.url("app")

    def migrate(self) -> None:
        self.run(Spec("migrations", [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"], self._all()))

    def token(self, user: str) -> str:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "token", user]
        done = subprocess.run(
            command, cwd=ROOT, env=self._all(), capture_output=True, text=True, timeout=START_SECONDS, check=True
        )
        return done.stdout.strip()

    def stand_in(self, name: str, ready: str, told: tuple[str, ...], *more: str) -> Spec:
        """A stand-in of the local stack; `told` names the settings it may know."""
        command = [sys.executable, "-m", f"app.local.{name}", "--host", HOST]
        command += ["--port", str(getattr(self.ports, name)), *more]
        known = environment.only(self.settings, told)
        return Spec(name, command, {**self._base, **known}, self.ports.url(name) + ready)

    def _app(self) -> Spec:
        command = app_command(self.ports.app, self.furnishing.workers, self.furnishing.threads)
        return Spec("app", command, self._all(), f"{self.url}/healthz", patience=GRACE_SECONDS + 5)

    def _qstash(self) -> Spec:
        told = ("QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")
        return self.stand_in("qstash", "/_local/messages", told, "--data", str(self.state / "qstash.sqlite"))

    def _cron(self) -> Spec:
        command = [sys.executable, "-m", "app.local.cron", "--url", f"{self.url}/api/posts/recover"]
        told = environment.only(self.settings, ("CRON_SECRET",))
        return Spec("cron", [*command, "--every", str(self.furnishing.cron_every)], {**self._base, **told})

    def _all(self) -> dict[str, str]:
        return {**self._base, **self.settings}
