"""Child processes of the stack, each in its own process group with its own log file.

Invariant: no child outlives the stack. On Linux the kernel ends a child when its parent is killed. On other systems a
kill -9 of the parent can leave a child running. The next start then names the port that the child still holds.
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
from app.local.private_files import opener
from app.local.stop_signal import StopSignal

PR_SET_PDEATHSIG = 1
LAST_LINES = 12


@dataclass(frozen=True)
class Spec:
    """A process to start.

    `ready_url` answers with a status below 500 once the process is up. None: there is nothing to wait for.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str]
    ready_url: str | None = None
    grace_seconds: float = 5.0  # between SIGTERM and SIGKILL


class Child:
    """A running process and its log."""

    def __init__(self, spec: Spec, directory: Path, logs: Path) -> None:
        self.spec = spec
        self.log = logs / f"{spec.name}.log"
        with open(self.log, "ab", opener=opener) as out:
            self._process = subprocess.Popen(
                spec.command,
                cwd=directory,
                env=dict(spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the parent only, and the parent stops the children in order
                preexec_fn=die_with_parent(os.getpid()),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def terminate(self) -> None:
        """Send SIGTERM. A no-op if the process has ended."""
        if self.exit_code is None:
            self._process.terminate()

    def wait_or_kill(self, stop: StopSignal) -> None:
        """Wait for the exit, then kill the rest of the process group.

        Waits at most `spec.grace_seconds`, and no longer if a second stop signal arrives.
        """
        deadline = time.monotonic() + self.spec.grace_seconds
        while self.exit_code is None and time.monotonic() < deadline and not stop.urgent:
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def wait_for_success(self, stop: StopSignal, seconds: float) -> None:
        """Wait for a command that ends by itself.

        Raises: StackError when it runs for more than `seconds` or its exit code is not 0. StopRequested when a stop
        signal arrives.
        """
        deadline = time.monotonic() + seconds
        try:
            while self.exit_code is None:
                if time.monotonic() > deadline:
                    raise StackError(f"{self.spec.name} did not finish within {seconds:g} s.\n{self.log_tail()}")
                stop.pause()
        finally:
            self.wait_or_kill(stop)
        if self.exit_code:
            raise StackError(f"{self.spec.name} failed (exit code {self.exit_code}).\n{self.log_tail()}")

    def exit_report(self) -> str:
        """Return the exit code or signal and the last lines of the log."""
        return f"{self.spec.name} stopped by itself ({_exit_cause(self.exit_code)}).\n{self.log_tail()}"

    def log_tail(self) -> str:
        """Return the last 12 lines of the log under a heading."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join([f"Its last lines, from {self.log}:", *(f"  {line}" for line in lines or ["(none)"])])


def _exit_cause(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


def die_with_parent(parent: int) -> Callable[[], None] | None:
    """Return a `preexec_fn` that makes the kernel end the child with its parent.

    None on systems other than Linux. The kernel watches the parent's thread, not only its process.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: between fork and exec little is safe to do

    def set_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent died before the call
            os._exit(1)

    return set_death_signal
