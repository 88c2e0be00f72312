"""A group of child processes: each can be started, killed and restarted, and all end with the group."""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from app.local import client
from app.local.child_processes import Child, Spec
from app.local.errors import StackError
from app.local.stop_signal import StopSignal

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


class ProcessGroup:
    """Start and stop it from one thread: the kernel kills the children when their starting thread ends."""

    def __init__(self, logs: Path, stop: StopSignal) -> None:
        self.logs = logs
        self.logs.mkdir(parents=True, exist_ok=True)
        self.stop_sign = stop
        self._children: dict[str, Child] = {}
        self._specs: dict[str, Spec] = {}

    def add(self, specs: Iterable[Spec]) -> None:
        self._specs.update({spec.name: spec for spec in specs})

    def run(self, spec: Spec) -> None:
        """Run a command to its end.

        Raises: StackError when it fails or takes longer than START_SECONDS.
        """
        Child(spec, ROOT, self.logs).wait_for_success(self.stop_sign, START_SECONDS)

    def start(self, name: str) -> None:
        """Start a process and wait until it is ready.

        Raises: StackError when it exits or is not ready within START_SECONDS.
        """
        self.launch(name)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers(name):
            if self._children[name].exit_code is not None or time.monotonic() > deadline:
                raise StackError(f"{name} did not start.\n{self.log_tail(name)}")
            self.stop_sign.pause()

    def launch(self, name: str) -> None:
        self._children[name] = Child(self._specs[name], ROOT, self.logs)

    def launch_beside(self, name: str, second: str) -> None:
        """Launch the same process once more, under another name."""
        self.add([replace(self._specs[name], name=second)])
        self.launch(second)

    def log(self, name: str) -> str:
        return self._children[name].log.read_text(encoding="utf-8", errors="replace")

    def answers(self, name: str) -> bool:
        url = self._specs[name].ready_url
        return url is None or client.answers(url)

    def log_tail(self, name: str) -> str:
        return self._children[name].log_tail()

    def kill(self, name: str) -> None:
        """Kill its whole process group with SIGKILL."""
        child = self._children[name]
        os.killpg(child.pid, signal.SIGKILL)
        child.wait_or_kill(self.stop_sign)

    def terminate(self, name: str) -> int | None:
        """Send SIGTERM, wait out its grace period and return the exit code. 0 means a clean exit."""
        self._children[name].terminate()
        return self.wait(name)

    def wait(self, name: str) -> int | None:
        """Wait out the grace period of a process that was asked to end. Return its exit code."""
        child = self._children[name]
        child.wait_or_kill(self.stop_sign)
        return child.exit_code

    def pid(self, name: str) -> int:
        return self._children[name].pid

    def workers(self, name: str) -> list[int]:
        return _children_of(self._children[name].pid)

    def missing(self) -> list[str]:
        return [name for name, child in self._children.items() if child.exit_code is not None]

    def close(self) -> None:
        for child in reversed(self._children.values()):
            child.terminate()
            child.wait_or_kill(self.stop_sign)


def _children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # the process has ended
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found
