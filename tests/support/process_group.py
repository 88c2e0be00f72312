"""Real processes under one roof: each can be started, struck down and started again, and none outlives the house."""

import os
import random
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.local import client, ports
from app.local.child_processes import Child, Spec
from app.local.errors import StackError
from app.local.stop_signal import StopSign

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
PORTS = range(15_000, 32_000)  # below those that clients are given, who could take one over while its server is down


class Household:
    """Children are started from the thread that made it: the kernel ends them with that very thread."""

    def __init__(self, logs: Path, stop: StopSign) -> None:
        self.logs = logs
        self.logs.mkdir(parents=True, exist_ok=True)
        self.stop_sign = stop
        self._children: dict[str, Child] = {}
        self._specs: dict[str, Spec] = {}

    def takes_in(self, specs: Iterable[Spec]) -> None:
        self._specs.update({spec.name: spec for spec in specs})

    def run(self, spec: Spec) -> None:
        """A command that ends by itself. Raises StackError unless it goes well."""
        Child(spec, ROOT, self.logs).finish(self.stop_sign, START_SECONDS)

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

    def workers(self, name: str) -> list[int]:
        return _children_of(self._children[name].pid)

    def missing(self) -> list[str]:
        return [name for name, child in self._children.items() if child.exit_code is not None]

    def close(self) -> None:
        for child in reversed(self._children.values()):
            child.ask_to_stop()
            child.end(self.stop_sign)


def free_ports() -> Iterator[int]:
    """One after the other, each free at the moment it is named."""
    return (port for port in random.SystemRandom().sample(PORTS, 100) if not ports.is_busy(port))


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
