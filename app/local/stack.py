"""The whole of Punctual on one machine: migrations, app, QStash, n8n, LinkedIn, cron; started and stopped together.
In poll mode `flask sweep --every` is there in QStash's and the cron's place.

What one of them needs is up before it starts; when one of them dies, all of them go, and the last words are shown.
"""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from app.local import client, environment, ports
from app.local.child_processes import Child, Spec
from app.local.errors import StackError
from app.local.log_watcher import Watcher
from app.local.ports import HOST, Ports
from app.local.stop_signal import StopSign

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / "instance" / "local"

# Two workers carry a burst faster than one with twice the threads: an interpreter uses one processor. A delivery that
# waits for its instant has a thread, so at most DISPATCH_MAX_WAITING (512 here) wait in each worker; its other threads
# serve what is due and the people.
WORKERS = 2
THREADS = 600
GRACE_SECONDS = 15  # for requests in flight at the end; a send to an n8n that hangs is given up, and its lease ends it
START_SECONDS = 60.0


@dataclass(frozen=True)
class Plan:
    """What kind of stack: where its state lives, on which ports, and what differs from the usual settings."""

    state: Path = STATE
    ports: Ports = field(default_factory=Ports)
    cron_every: float = 300.0
    polls: bool = False  # no QStash
    alone: bool = False  # takes no tuning from the shell, so that it runs the same everywhere
    overrides: Mapping[str, str] = field(default_factory=dict)


class Stack:
    """Start it, watch it, stop it. `news` gets what its children have to say that matters."""

    def __init__(self, plan: Plan, stop: StopSign, news: Callable[[str], None]) -> None:
        self.plan = plan
        self.logs = plan.state / "logs"
        self._stop = stop
        self._news = news
        self._children: list[Child] = []  # in the order of their start
        self._watchers: list[Watcher] = []
        self._lock: IO[str] | None = None
        self._base: dict[str, str] = {}
        self._settings: dict[str, str] = {}

    @property
    def url(self) -> str:
        return self.plan.ports.url("app")

    def start(self) -> None:
        """Returns with everything up, or raises. Either way `stop` is owed to what has been started."""
        ports.check_free(self.plan.ports)
        self._prepare()
        n8n, linkedin = self._launch(self._n8n()), self._launch(self._linkedin())
        Child(self._migration(), ROOT, self.logs).finish(self._stop, START_SECONDS)
        app = self._launch(self._app())
        self._wait_until_ready(n8n)
        self._wait_until_ready(linkedin)
        self._wait_until_ready(app)
        if self.plan.polls:
            self._launch(self._poller())
            return
        # QStash comes after those it calls: what fell due while all was down goes out now, not at its first retry.
        self._wait_until_ready(self._launch(self._qstash()))
        self._launch(self._cron())

    def watch(self) -> None:
        """Until told to stop, or until a child dies: then StackError tells of it."""
        while True:
            self.check()
            self._stop.pause(0.1)

    def check(self) -> None:
        """One look: shows what is new, raises StackError if a child is gone."""
        for watcher in self._watchers:
            for line in watcher.news():
                self._news(line)
        for child in self._children:
            if child.exit_code is not None:
                raise StackError(child.obituary())

    def stop(self) -> None:
        """The reverse of the start: first those who bring work, then the app, and last the one it calls."""
        for child in reversed(self._children):
            child.ask_to_stop()
            child.end(self._stop)
        self._children.clear()
        for watcher in self._watchers:
            watcher.close()
        self._watchers.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def flask(self, *arguments: str) -> str:
        """Runs one of the app's own commands in its settings and returns what it printed."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=self._all(), capture_output=True, text=True, timeout=START_SECONDS, check=True
            )
        except subprocess.SubprocessError as error:
            self._stop.check()  # Ctrl-C reaches the command too
            told = getattr(error, "stderr", None) or str(error)
            raise StackError(f"'flask {' '.join(arguments)}' failed:\n{told.strip()}") from None
        return done.stdout.strip()

    # What is started.

    def _app(self) -> Spec:
        command = app_command(self.plan.ports.app, workers_for(self._settings["DATABASE_URL"]))
        return Spec("app", command, self._all(), f"{self.url}/healthz", patience=GRACE_SECONDS + 3)

    def _migration(self) -> Spec:
        return Spec("migrations", [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"], self._all())

    def _qstash(self) -> Spec:
        names = ("QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")
        return self._stand_in("qstash", "/_local/messages", names, "--data", str(self.plan.state / "qstash.sqlite"))

    def _n8n(self) -> Spec:
        report_to = f"{self.url}/api/webhooks/publish-status"
        more = ("--data", str(self.plan.state / "n8n"), "--callback-url", report_to)
        return self._stand_in("n8n", "/healthz", ("N8N_CALLBACK_SECRET",), *more)

    def _linkedin(self) -> Spec:
        names = ("LINKEDIN_CLIENT_ID", "LINKEDIN_CLIENT_SECRET")
        callback = f"{self.url}/api/social-accounts/linkedin/callback"
        return self._stand_in("linkedin", "/healthz", names, "--redirect-uri", callback)

    def _cron(self) -> Spec:
        command = [sys.executable, "-m", "app.local.cron", "--url", f"{self.url}/api/posts/recover"]
        return Spec("cron", [*command, "--every", str(self.plan.cron_every)], self._told("CRON_SECRET"))

    def _poller(self) -> Spec:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "sweep", "--every", str(self.plan.cron_every)]
        return Spec("poller", command, self._all(), patience=GRACE_SECONDS + 3)

    def _stand_in(self, name: str, ready: str, told: tuple[str, ...], *more: str) -> Spec:
        command = [sys.executable, "-m", f"app.local.{name}", "--host", HOST]
        command += ["--port", str(getattr(self.plan.ports, name)), *more]
        return Spec(name, command, self._told(*told), self.plan.ports.url(name) + ready)

    def _all(self) -> dict[str, str]:
        return {**self._base, **self._settings}

    def _told(self, *names: str) -> dict[str, str]:
        return {**self._base, **environment.only(self._settings, names)}

    # How it is started.

    def _prepare(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.plan.state / "lock")
        for log in self.logs.glob("*.log"):
            if not log.name.endswith(".previous.log"):
                log.replace(log.with_suffix(".previous.log"))
        self._base = environment.base(os.environ, alone=self.plan.alone)
        made = environment.load_secrets(self.plan.state / "secrets.json")
        own = map(self._base.get, ("DATABASE_URL", "CORS_ORIGINS"))
        usual = environment.settings(self.plan.ports, self.plan.state, made, *own)
        self._settings = {**usual, **self.plan.overrides}
        if self.plan.polls:
            for names in (self._base, self._settings):
                environment.forget_qstash(names)

    def _launch(self, spec: Spec) -> Child:
        child = Child(spec, ROOT, self.logs)
        self._children.append(child)
        self._watchers.append(Watcher(spec.name, child.log))
        return child

    def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not client.answers(child.spec.ready_url or ""):
            self.check()
            self._stop.pause()
            if time.monotonic() > deadline:
                raise StackError(f"{child.spec.name} is not ready after {START_SECONDS:g} s.\n{child.last_words()}")


def workers_for(database_url: str) -> int:
    """SQLite has one writer: a second process would only wait for it, and a post due at its instant with it."""
    return 1 if database_url.startswith("sqlite") else WORKERS


def app_command(port: int, workers: int = WORKERS, threads: int = THREADS) -> list[str]:
    """The app under gunicorn, as it is started wherever it is to be shown or measured."""
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"{HOST}:{port}", "--no-control-socket"]
    command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)]
    return [*command, "--graceful-timeout", str(GRACE_SECONDS), "--timeout", "60", "--keep-alive", "75"]


def _locked(path: Path) -> IO[str]:
    """Two stacks over one state folder would deliver each other's messages."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StackError(f"Another local stack already runs on {path.parent}.") from None
    return file
