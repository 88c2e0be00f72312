"""A child of the stack leaves nothing behind, whatever ends it, and its last words can be read."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from app.local.child_processes import Child, Spec
from app.local.errors import StackError
from app.local.stop_signal import StopSign
from tests.local.support import ROOT, environment, wait_for

SLEEPER = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
WITH_GRANDCHILD = """
    import subprocess, sys, time
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(grandchild.pid, flush=True)
    time.sleep(60)
"""


def child(tmp_path: Path, code: str, patience: float = 5.0) -> Child:
    spec = Spec("child", [sys.executable, "-c", textwrap.dedent(code)], dict(os.environ), patience=patience)
    return Child(spec, tmp_path, tmp_path)


def is_alive(pid: int) -> bool:
    """A zombie that waits for its reaper has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def end(one: Child) -> None:
    one.ask_to_stop()
    one.end(StopSign())


def test_a_child_is_asked_before_it_is_killed(tmp_path: Path) -> None:
    one = child(tmp_path, SLEEPER)
    end(one)
    assert one.exit_code == -15


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    one = child(tmp_path, STUBBORN, patience=0.2)
    wait_for("the signal to be ignored", lambda: "deaf" in one.log.read_text())
    end(one)
    assert one.exit_code == -9


def test_asking_twice_ends_the_patience(tmp_path: Path) -> None:
    one, stop = child(tmp_path, STUBBORN, patience=60), StopSign()
    wait_for("the signal to be ignored", lambda: "deaf" in one.log.read_text())
    stop.count = 2
    started = time.monotonic()
    one.ask_to_stop()
    one.end(stop)
    assert time.monotonic() - started < 5


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_grandchild_goes_with_its_group(tmp_path: Path) -> None:
    one = child(tmp_path, WITH_GRANDCHILD)
    grandchild = int(wait_for("its number", one.log.read_text))
    end(one)
    wait_for("its end", lambda: not is_alive(grandchild))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_a_killed_parent_takes_its_child_along(tmp_path: Path) -> None:
    code = f"""
        import sys, time
        from pathlib import Path
        from app.local.children import Child, Spec
        one = Child(Spec("child", [sys.executable, "-c", {SLEEPER!r}], {{}}), Path("."), Path({str(tmp_path)!r}))
        print(one.pid, flush=True)
        time.sleep(60)
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


def test_a_command_that_fails_is_told_with_its_last_lines(tmp_path: Path) -> None:
    one = child(tmp_path, "print('the cause'); raise SystemExit(3)")
    with pytest.raises(StackError) as told:
        one.finish(StopSign(), 20)
    assert "child failed (exit code 3)" in str(told.value)
    assert "the cause" in str(told.value)


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    one = child(tmp_path, SLEEPER, patience=0.1)
    with pytest.raises(StackError, match="did not finish"):
        one.finish(StopSign(), 0.2)
    assert one.exit_code == -9


def test_an_obituary_names_the_signal(tmp_path: Path) -> None:
    one = child(tmp_path, "import os, signal; print('so long', flush=True); os.kill(os.getpid(), signal.SIGKILL)")
    wait_for("its end", lambda: one.exit_code is not None)
    assert "child stopped by itself (killed by SIGKILL)" in one.obituary()
    assert "so long" in one.obituary()
    end(one)
