"""Child processes of the stack: graceful stop, kill of the group, and the report of an exit."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from app.local.child_processes import Child, Spec
from app.local.errors import StackError
from app.local.stop_signal import StopSignal
from tests.local.support import DEADLINE_SECONDS, ROOT, environment, wait_for

SLEEPER = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
WITH_GRANDCHILD = """
    import subprocess, sys, time
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(grandchild.pid, flush=True)
    time.sleep(600)
"""


def child(tmp_path: Path, code: str, grace_seconds: float = 5.0) -> Child:
    spec = Spec("child", [sys.executable, "-c", textwrap.dedent(code)], dict(os.environ), grace_seconds=grace_seconds)
    return Child(spec, tmp_path, tmp_path)


def is_alive(pid: int) -> bool:
    """Return False for a zombie: it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def end(one: Child) -> None:
    one.terminate()
    one.wait_or_kill(StopSignal())


def test_sigterm_ends_a_child(tmp_path: Path) -> None:
    one = child(tmp_path, SLEEPER)
    end(one)
    assert one.exit_code == -15


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    one = child(tmp_path, STUBBORN, grace_seconds=0.2)
    wait_for("the signal to be ignored", lambda: "deaf" in one.log.read_text())
    end(one)
    assert one.exit_code == -9


def test_a_second_stop_signal_ends_the_grace(tmp_path: Path) -> None:
    one, stop = child(tmp_path, STUBBORN, grace_seconds=10 * DEADLINE_SECONDS), StopSignal()
    wait_for("the signal to be ignored", lambda: "deaf" in one.log.read_text())
    stop.count = 2
    started = time.monotonic()
    one.terminate()
    one.wait_or_kill(stop)
    assert time.monotonic() - started < DEADLINE_SECONDS


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_grandchild_is_killed_with_its_group(tmp_path: Path) -> None:
    one = child(tmp_path, WITH_GRANDCHILD)
    grandchild = int(wait_for("its number", one.log.read_text))
    end(one)
    wait_for("its end", lambda: not is_alive(grandchild))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_a_child_ends_with_its_killed_parent(tmp_path: Path) -> None:
    code = f"""
        import sys, time
        from pathlib import Path
        from app.local.child_processes import Child, Spec
        one = Child(Spec("child", [sys.executable, "-c", {SLEEPER!r}], {{}}), Path("."), Path({str(tmp_path)!r}))
        print(one.pid, flush=True)
        time.sleep(600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for("the child's end", lambda: not is_alive(pid))


def test_a_failed_command_is_reported_with_its_last_log_lines(tmp_path: Path) -> None:
    one = child(tmp_path, "print('the cause'); raise SystemExit(3)")
    with pytest.raises(StackError) as error:
        one.wait_for_success(StopSignal(), 20)
    assert "child failed (exit code 3)" in str(error.value)
    assert "the cause" in str(error.value)


def test_a_command_is_killed_after_its_timeout(tmp_path: Path) -> None:
    one = child(tmp_path, SLEEPER, grace_seconds=0.1)
    with pytest.raises(StackError, match="did not finish"):
        one.wait_for_success(StopSignal(), 0.2)
    assert one.exit_code == -9


def test_the_exit_report_names_the_signal(tmp_path: Path) -> None:
    one = child(tmp_path, "import os, signal; print('so long', flush=True); os.kill(os.getpid(), signal.SIGKILL)")
    wait_for("its end", lambda: one.exit_code is not None)
    assert "child stopped by itself (killed by SIGKILL)" in one.exit_report()
    assert "so long" in one.exit_report()
    end(one)
