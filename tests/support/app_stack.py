"""Punctual's processes, started as the local stack does: the app's server, the QStash stand-in and the cron."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.local import environment
from app.local.child_processes import Spec
from app.local.errors import StackError
from app.local.ports import HOST, Ports, each_free
from app.local.stack import GRACE_SECONDS, THREADS, WORKERS, app_command
from app.local.stop_signal import StopSignal
from tests.support.process_group import ROOT, START_SECONDS, ProcessGroup


@dataclass(frozen=True)
class StackOptions:
    """Options of one stack. `cron_every` is in seconds, `overrides` are environment settings."""

    database_url: str
    workers: int = WORKERS
    threads: int = THREADS
    cron_every: float = 300.0
    overrides: Mapping[str, str] = field(default_factory=dict)
    reload_seconds: float | None = None


class AppStack(ProcessGroup):
    """One running app. It ignores settings of the shell. Tests add n8n themselves where they need it."""

    def __init__(self, state: Path, options: StackOptions, stop: StopSignal) -> None:
        super().__init__(state / "logs", stop)
        self.state = state
        self.options = options
        free = each_free()
        self.ports = Ports(next(free), next(free), next(free))
        self._base = environment.base(os.environ, alone=True)
        made = environment.load_secrets(state / "secrets.json")
        usual = environment.settings(self.ports, state, made, options.database_url)
        self.settings = {**usual, **options.overrides}
        self._describe()

    @property
    def url(self) -> str:
        return self.ports.url("app")

    def migrate(self) -> None:
        self.run(Spec("migrations", [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"], self._all()))

    def token(self, user: str) -> str:
        return self.flask("token", user)

    def flask(self, *arguments: str) -> str:
        """Run one of the app's commands and return its output.

        Raises: StackError when it fails.
        """
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._all(), capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
        if done.returncode:
            raise StackError(f"'flask {' '.join(arguments)}' failed:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def configure(self, settings: Mapping[str, str], removed: Iterable[str] = ()) -> None:
        """Change settings for the processes started from now on."""
        changed = {**self.settings, **settings}
        self.settings = {name: value for name, value in changed.items() if name not in {*removed}}
        self._describe()

    def _describe(self) -> None:
        """Describe the processes with the present settings."""
        self.add((self._app(), self._qstash(), self._cron()))

    def stand_in(self, name: str, ready: str, allowed: tuple[str, ...], *more: str) -> Spec:
        """Describe the process of one stand-in, which gets only the settings named in `allowed`."""
        command = [sys.executable, "-m", f"app.local.{name}", "--host", HOST]
        command += ["--port", str(getattr(self.ports, name)), *more]
        known = environment.only(self.settings, allowed)
        return Spec(name, command, {**self._base, **known}, self.ports.url(name) + ready)

    def _app(self) -> Spec:
        command = app_command(self.ports.app, self.options.workers, self.options.threads)
        if self.options.reload_seconds is not None:
            command += ["--reload-seconds", str(self.options.reload_seconds)]
        return Spec("app", command, self._all(), f"{self.url}/healthz", grace_seconds=GRACE_SECONDS + 5)

    def _qstash(self) -> Spec:
        allowed = ("QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")
        return self.stand_in("qstash", "/_local/messages", allowed, "--data", str(self.state / "qstash.sqlite"))

    def _cron(self) -> Spec:
        command = [sys.executable, "-m", "app.local.cron", "--url", f"{self.url}/api/posts/recover"]
        known = environment.only(self.settings, ("CRON_SECRET",))
        return Spec("cron", [*command, "--every", str(self.options.cron_every)], {**self._base, **known})

    def _all(self) -> dict[str, str]:
        return {**self._base, **self.settings}
