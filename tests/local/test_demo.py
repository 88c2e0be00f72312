"""`make demo` as a person runs it: all of it right, within a minute, nothing left behind."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.local.stacks import KEEP, MARK, processes_of
from tests.local.support import ROOT, environment, wait_for

pytestmark = pytest.mark.xdist_group("local-stack")


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


def test_the_demo_keeps_every_promise_and_ends_within_a_minute(tmp_path: Path) -> None:
    began = time.monotonic()
    out, err = start_demo(tmp_path).communicate(timeout=90)
    assert err == "", out
    assert time.monotonic() - began < 60
    assert out.count("✓") == 7
    assert "✗" not in out
    verdict = out.strip().splitlines()[-1]
    assert verdict.startswith("All is right: 6 posts published, each once and none early, 1 called off and never sent")
    median = re.search(r"median lateness of the posts on time: (\d+) ms", verdict)
    assert median
    assert int(median.group(1)) < 1000
    assert list(tmp_path.iterdir()) == []


def test_in_poll_mode_the_demo_keeps_every_promise_within_the_polls_period(tmp_path: Path) -> None:
    began = time.monotonic()
    out, err = start_demo(tmp_path, "--mode", "poll").communicate(timeout=90)
    assert err == "", out
    assert time.monotonic() - began < 60
    assert (out.count("✓"), out.count("✗"), out.count("publish now")) == (7, 0, 2)
    verdict = out.strip().splitlines()[-1]
    assert verdict.startswith("All is right: 6 posts published, each once and none early, 1 called off and never sent")
    assert verdict.endswith("with a poll every 2 s.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_ends_the_demo_cleanly(tmp_path: Path) -> None:
    demo = start_demo(tmp_path)
    wait_for("its stack to start", lambda: len(processes_of(tmp_path)) >= 2)
    demo.send_signal(signal.SIGINT)
    _, err = demo.communicate(timeout=30)
    assert (demo.returncode, err) == (130, "")
    assert processes_of(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
