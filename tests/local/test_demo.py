"""`make demo` as a user runs it: all checks pass, and no process or file remains."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.stacks import KEEP, MARK, processes_of, wait_until_gone
from tests.local.support import ROOT, environment, wait_for

pytestmark = pytest.mark.xdist_group("local-stack")
TIMEOUT_SECONDS = 240  # ends a hanging test. The demo takes half a minute.


def start_demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app.local", "demo", *arguments],
        cwd=ROOT,
        env=environment(
            TMPDIR=str(folder), MAX_RETRIES="0", DATABASE_URL="sqlite:///nowhere/at/all", **{MARK: str(folder)}, **KEEP
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_demo_passes_all_checks_without_leftovers(tmp_path: Path) -> None:
    out, err = start_demo(tmp_path).communicate(timeout=TIMEOUT_SECONDS)
    assert err == "", out
    assert out.count("✓") == 7
    assert "✗" not in out
    verdict = out.strip().splitlines()[-1]
    assert verdict.startswith(
        "All checks passed: 6 posts published, each once and none early, 1 unscheduled and never sent"
    )
    assert re.search(r"Median lateness of the posts on time: \d+ ms", verdict)
    assert list(tmp_path.iterdir()) == []


def test_the_demo_in_poll_mode_passes_all_checks_within_the_poll_period(tmp_path: Path) -> None:
    out, err = start_demo(tmp_path, "--mode", "poll").communicate(timeout=TIMEOUT_SECONDS)
    assert err == "", out
    assert (out.count("✓"), out.count("✗"), out.count("publish now")) == (7, 0, 2)
    verdict = out.strip().splitlines()[-1]
    assert verdict.startswith(
        "All checks passed: 6 posts published, each once and none early, 1 unscheduled and never sent"
    )
    assert verdict.endswith("with a poll every 2 s.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_ends_the_demo_without_leftovers(tmp_path: Path) -> None:
    demo = start_demo(tmp_path)
    wait_for("its stack to start", lambda: len(processes_of(tmp_path)) >= 2)
    demo.send_signal(signal.SIGINT)
    _, err = demo.communicate(timeout=TIMEOUT_SECONDS)
    assert (demo.returncode, err) == (130, "")
    wait_until_gone(tmp_path)
    assert list(tmp_path.iterdir()) == []
