"""The local stack: migrations, app, cron, and the stand-ins for QStash, n8n and LinkedIn.

In poll mode `flask sweep --every` replaces QStash and the cron.
Invariant: QStash, the cron and the poller start after the app is up. If one process ends, the stack stops all of them
and shows the last lines of its log.
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

import jwt

from app.local import client, environment, ports
from app.local.child_processes import Child, Spec
from app.local.errors import StackError
from app.local.log_watcher import LogWatcher
from app.local.ports import HOST, Ports
from app.local.private_files import make_folder, opener
from app.local.stop_signal import StopSignal

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / "instance" / "local"

# Two workers handle a burst faster than one worker with twice the threads: an interpreter uses one processor. A waiting
# delivery holds a thread. At most DISPATCH_MAX_WAITING (512 here) wait in each worker, and the other threads serve due
# deliveries and users. app/serve.py has the other options of the server.
WORKERS = 2
THREADS = 600
GRACE_SECONDS = 15  # for requests in flight at the end. A send to a hanging n8n is dropped, and its lease expires.
START_SECONDS = 60.0
ADMIN = "operator"  # the user of the admin's token


@dataclass(frozen=True)
class StackOptions:
    """The stack's state folder, ports and deviations from the usual settings."""

    state: Path = STATE
    ports: Ports = field(default_factory=Ports)
    cron_every: float = 300.0  # seconds
    poll_mode: bool = False  # no QStash
    alone: bool = False  # ignore the shell's tuning settings, so that the stack runs the same on every machine
    overrides: Mapping[str, str] = field(default_factory=dict)


class Stack:
    """The running stack. `show` is called with each log line for the screen."""

    def __init__(self, options: StackOptions, stop: StopSignal, show: Callable[[str], None]) -> None:
        self.options = options
        self.logs = options.state / "logs"
        self._stop = stop
        self._show = show
        self._children: list[Child] = []  # in the order of their start
        self._watchers: list[LogWatcher] = []
        self._lock: IO[str] | None = None
        self._base: dict[str, str] = {}
        self._settings: dict[str, str] = {}

    @property
    def url(self) -> str:
        return self.options.ports.url("app")

    def start(self) -> None:
        """Start all processes and wait until they are up.

        The caller must call `stop` afterwards, also after an error.
        Raises: StackError when a port is busy, a process ends or is not ready after 60 s. StopRequested on a signal.
        """
        ports.check_free(self.options.ports)
        self._prepare()
        n8n, linkedin = self._launch(self._n8n()), self._launch(self._linkedin())
        Child(self._migration(), ROOT, self.logs).wait_for_success(self._stop, START_SECONDS)
        app = self._launch(self._app())
        self._wait_until_ready(n8n)
        self._wait_until_ready(linkedin)
        self._wait_until_ready(app)
        if self.options.poll_mode:
            self._launch(self._poller())
            return
        # QStash starts after the app: messages that fell due during the downtime then arrive at the first try.
        self._wait_until_ready(self._launch(self._qstash()))
        self._launch(self._cron())

    def watch(self) -> None:
        """Check the children until a stop signal arrives.

        Raises: StopRequested on the signal, StackError when a child has ended.
        """
        while True:
            self.check()
            self._stop.pause(0.1)

    def check(self) -> None:
        """Show new log lines once.

        Raises: StackError when a child has ended.
        """
        for watcher in self._watchers:
            for line in watcher.new_lines():
                self._show(line)
        for child in self._children:
            if child.exit_code is not None:
                raise StackError(child.exit_report())

    def stop(self) -> None:
        """Stop the children in reverse order: the callers of the app, the app, then the services that it calls."""
        for child in reversed(self._children):
            child.terminate()
            child.wait_or_kill(self._stop)
        self._children.clear()
        for watcher in self._watchers:
            watcher.close()
        self._watchers.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def flask(self, *arguments: str) -> str:
        """Run one of the app's commands with the stack's settings and return its output.

        Raises: StackError when the command fails or takes more than 60 s.
        """
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=self._all(), capture_output=True, text=True, timeout=START_SECONDS, check=True
            )
        except subprocess.SubprocessError as error:
            self._stop.check()  # Ctrl-C ends the command too
            reason = getattr(error, "stderr", None) or str(error)
            raise StackError(f"'flask {' '.join(arguments)}' failed:\n{reason.strip()}") from None
        return done.stdout.strip()

    def admin_token(self, token: str) -> str:
        """Return a token of an admin, like this one of a user. A second command would take a second more."""
        claims = jwt.decode(token, options={"verify_signature": False})
        return jwt.encode(claims | {"sub": ADMIN, "role": "admin"}, self._all()["AUTH_JWT_SECRET"], algorithm="HS256")

    # Process specifications

    def _app(self) -> Spec:
        command = app_command(self.options.ports.app, workers_for(self._settings["DATABASE_URL"]))
        return Spec("app", command, self._all(), f"{self.url}/healthz", grace_seconds=GRACE_SECONDS + 3)

    def _migration(self) -> Spec:
        return Spec("migrations", [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"], self._all())

    def _qstash(self) -> Spec:
        names = ("QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY")
        arguments = ["--data", str(self.options.state / "qstash.sqlite")]
        if days := self._all().get("QSTASH_MAX_DELAY_DAYS"):  # the app has read it already, so it is a number
            arguments += ["--max-delay", str(int(float(days) * 86_400))]
        return self._stand_in("qstash", "/_local/messages", names, *arguments)

    def _n8n(self) -> Spec:
        callback = f"{self.url}/api/webhooks/publish-status"
        arguments = ("--data", str(self.options.state / "n8n"), "--callback-url", callback)
        return self._stand_in("n8n", "/healthz", ("N8N_CALLBACK_SECRET",), *arguments)

    def _linkedin(self) -> Spec:
        names = ("LINKEDIN_CLIENT_ID", "LINKEDIN_CLIENT_SECRET")
        callback = f"{self.url}/api/social-accounts/linkedin/callback"
        return self._stand_in("linkedin", "/healthz", names, "--redirect-uri", callback)

    def _cron(self) -> Spec:
        command = [sys.executable, "-m", "app.local.cron", "--url", f"{self.url}/api/posts/recover"]
        return Spec("cron", [*command, "--every", str(self.options.cron_every)], self._only("CRON_SECRET"))

    def _poller(self) -> Spec:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "sweep", "--every", str(self.options.cron_every)]
        return Spec("poller", command, self._all(), grace_seconds=GRACE_SECONDS + 3)

    def _stand_in(self, name: str, ready: str, settings: tuple[str, ...], *arguments: str) -> Spec:
        command = [sys.executable, "-m", f"app.local.{name}", "--host", HOST]
        command += ["--port", str(getattr(self.options.ports, name)), *arguments]
        return Spec(name, command, self._only(*settings), self.options.ports.url(name) + ready)

    def _all(self) -> dict[str, str]:
        return {**self._base, **self._settings}

    def _only(self, *names: str) -> dict[str, str]:
        return {**self._base, **environment.only(self._settings, names)}

    # Start

    def _prepare(self) -> None:
        for folder in (self.options.state, self.logs):
            make_folder(folder, tighten=self.options.state == STATE)  # another folder may hold other things too
        self._lock = _locked(self.options.state / "lock")
        for log in self.logs.glob("*.log"):
            if not log.name.endswith(".previous.log"):
                log.replace(log.with_suffix(".previous.log"))
        self._base = environment.base(os.environ, alone=self.options.alone)
        made = environment.load_secrets(self.options.state / "secrets.json")
        own = map(self._base.get, ("DATABASE_URL", "CORS_ORIGINS"))
        usual = environment.settings(self.options.ports, self.options.state, made, *own)
        self._settings = {**usual, **self.options.overrides}
        if self.options.poll_mode:
            for values in (self._base, self._settings):
                environment.remove_qstash(values)

    def _launch(self, spec: Spec) -> Child:
        child = Child(spec, ROOT, self.logs)
        self._children.append(child)
        self._watchers.append(LogWatcher(spec.name, child.log))
        return child

    def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not client.answers(child.spec.ready_url or ""):
            self.check()
            self._stop.pause()
            if time.monotonic() > deadline:
                raise StackError(f"{child.spec.name} is not ready after {START_SECONDS:g} s.\n{child.log_tail()}")


def workers_for(database_url: str) -> int:
    """Return the number of worker processes for a database.

    SQLite has one writer. A second process would wait for the write lock, and due posts would wait with it.
    """
    return 1 if database_url.startswith("sqlite") else WORKERS


def app_command(port: int, workers: int = WORKERS, threads: int = THREADS) -> list[str]:
    """Return the command of the app's server, used by the stack, the benchmarks and the chaos tests."""
    command = [sys.executable, "-m", "app.serve", "--host", HOST, "--port", str(port)]
    return [*command, "--workers", str(workers), "--threads", str(threads), "--grace", str(GRACE_SECONDS)]


def _locked(path: Path) -> IO[str]:
    """Lock the state folder: two stacks on one folder would deliver each other's messages.

    Raises: StackError when another stack holds the lock.
    """
    file = open(path, "w", opener=opener)  # noqa: SIM115  # held until the process ends
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StackError(f"Another local stack already runs on {path.parent}. Stop it, or use --state DIR.") from None
    return file
