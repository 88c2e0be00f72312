"""Chaos in small, as a part of every test run: a few dozen posts, every kind of fault once."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.plan import Fault

ROOT = Path(__file__).resolve().parents[2]
# It takes well under a minute; a sweep that is killed all the same holds its lease for one more.
PATIENCE_SECONDS = 240

pytestmark = [
    pytest.mark.xdist_group("local-stack"),  # it must not take the processor from tests that look at the clock
    pytest.mark.skipif(sys.platform != "linux", reason="finds the app's workers in /proc"),
]


def test_no_fault_loses_a_post_or_sends_one_twice_early_or_after_it_was_called_off() -> None:
    size = ["--posts", "30", "--spread", "10", "--lease", "8"]
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *size],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "lost=0 twice=0 early=0 after-cancel=0" in run.stdout
    for fault in Fault:
        assert fault.value in run.stdout
