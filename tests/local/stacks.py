"""Run `python -m app.local run` as a user does, on free ports and with its own state folder."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from app.local import ports
from app.local.client import Client
from app.local.ports import Ports
from tests.local.support import DEADLINE_SECONDS, ROOT, environment, wait_for

MARK = "STACK_UNDER_TEST"  # set in the environment of all processes of a stack
KEEP = {
    "SPT_NOENV": "1"
}  # Granian sets process titles where setproctitle is installed, and that overwrites the environment
UP_SECONDS = 120.0  # on a machine that runs other tests at the same time


@dataclass
class Running:
    """A started stack, its output in a file, and clients for it."""

    process: subprocess.Popen[bytes]
    ports: Ports
    state: Path
    screen_file: Path
    clients: list[Client] = field(default_factory=list)

    @property
    def screen(self) -> str:
        return self.screen_file.read_text(encoding="utf-8")

    @property
    def token(self) -> str:
        found = re.search(r"TOKEN=(\S+)", self.screen)
        assert found, self.screen
        return found.group(1)

    def api(self) -> Client:
        self.clients.append(Client(self.ports.url("app"), self.token))
        return self.clients[-1]

    def n8n(self) -> Client:
        self.clients.append(Client(self.ports.url("n8n")))
        return self.clients[-1]

    def until_up(self) -> None:
        def up() -> bool:
            assert self.process.poll() is None, f"the stack ended: {self.screen}"
            return "Ctrl-C stops everything" in self.screen

        wait_for("the stack", up, UP_SECONDS)

    def ended(self, seconds: float = 60.0) -> int:
        return self.process.wait(seconds)

    def all_ports_free(self) -> bool:
        return not any(
            ports.is_busy(port) for port in (self.ports.app, self.ports.qstash, self.ports.n8n, self.ports.linkedin)
        )


def start(state: Path, chosen: Ports, **env: str) -> Running:
    state.mkdir(parents=True, exist_ok=True)
    screen_file = state / f"screen-{time.monotonic_ns()}.txt"
    moved = {"PORT": str(chosen.app), "PORT_QSTASH": str(chosen.qstash), "PORT_N8N": str(chosen.n8n)}
    moved |= {"PORT_LINKEDIN": str(chosen.linkedin)}
    with screen_file.open("wb") as screen:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.local", "run", "--state", str(state)],
            cwd=ROOT,
            env=environment(**moved, **env, **{MARK: str(state)}, **KEEP),
            stdout=screen,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Running(process, chosen, state, screen_file)


@contextmanager
def stack(state: Path, chosen: Ports | None = None, **env: str) -> Iterator[Running]:
    """Start a stack, wait until it is up, and stop it afterwards in every case."""
    running = start(state, chosen or ports.free(), **env)
    try:
        running.until_up()
        yield running
    finally:
        for client in running.clients:
            client.close()
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
        running.ended()


def processes_of(state: Path) -> dict[int, str]:
    """Return the command lines of all processes of the stack on `state`, by process id (Linux only)."""
    mark, found = f"{MARK}={state}\0".encode(), {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark in (entry / "environ").read_bytes() + b"\0":
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(entry.name)] = command.decode(errors="replace")
            except OSError:  # the process has ended, or belongs to another user
                continue
    return found


def wait_until_gone(state: Path) -> None:
    """Wait for the end of all processes of the stack on `state`. A killed process needs a moment to end."""
    wait_for(f"the end of all processes of {state}", lambda: processes_of(state) == {})


def is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=DEADLINE_SECONDS).ok
    except requests.RequestException:
        return False
