"""One process of the stack: started in a group of its own, logged to a file, and never left behind.

On Linux the kernel ends it when its parent is killed. Elsewhere a kill -9 of the parent can leave it running; the next
start then names the port it still holds.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.local.errors import StackError
from app.local.stop_signal import StopSign

PR_SET_PDEATHSIG = 1
LAST_LINES = 12


@dataclass(frozen=True)
class Spec:
    """What to start. `ready_url` answers below 500 once it is up; None: nothing to wait for."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    ready_url: str | None = None
    patience: float = 5.0  # seconds between SIGTERM and SIGKILL


class Child:
    """A running process and its log."""

    def __init__(self, spec: Spec, directory: Path, logs: Path) -> None:
        self.spec = spec
        self.log = logs / f"{spec.name}.log"
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                spec.command,
                cwd=directory,
                env=dict(spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the parent alone, which then stops us in order
                preexec_fn=_tie_to(os.getpid()),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def ask_to_stop(self) -> None:
        if self.exit_code is None:
            self._process.terminate()

    def end(self, stop: StopSign) -> None:
        """Waits out its patience, then leaves no member of its group alive."""
        deadline = time.monotonic() + self.spec.patience
        while self.exit_code is None and time.monotonic() < deadline and not stop.urgent:
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def finish(self, stop: StopSign, seconds: float) -> None:
        """For a command that is to end by itself: waits for it, and complains unless it went well."""
        deadline = time.monotonic() + seconds
        try:
            while self.exit_code is None:
                if time.monotonic() > deadline:
                    raise StackError(f"{self.spec.name} did not finish within {seconds:g} s.\n{self.last_words()}")
                stop.pause()
        finally:
            self.end(stop)
        if self.exit_code:
            raise StackError(f"{self.spec.name} failed (exit code {self.exit_code}).\n{self.last_words()}")

    def obituary(self) -> str:
        return f"{self.spec.name} stopped by itself ({_manner(self.exit_code)}).\n{self.last_words()}"

    def last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join([f"Its last lines, from {self.log}:", *(f"  {line}" for line in lines or ["(none)"])])


def _manner(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _tie_to(parent: int) -> Callable[[], None] | None:
    """What the child does before it becomes its command: ask the kernel to end it with its parent."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: between fork and exec there must be no surprises

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return tie
