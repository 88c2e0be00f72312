"""A small chaos run for every test run: a few dozen posts, each kind of fault once."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.plan import Fault

ROOT = Path(__file__).resolve().parents[2]
# Ends a hanging test. A run takes well under a minute. A killed sweep keeps its lease for one minute more.
TIMEOUT_SECONDS = 600

pytestmark = [
    pytest.mark.xdist_group("local-stack"),  # it must not take the processor from timing tests
    pytest.mark.skipif(sys.platform != "linux", reason="finds the app's workers in /proc"),
]


def test_no_fault_loses_a_post_or_sends_it_twice_early_or_after_cancel() -> None:
    size = ["--posts", "30", "--spread", "10", "--lease", "12"]  # n8n has a quarter of the lease to answer
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *size],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "lost=0 twice=0 early=0 after-cancel=0" in run.stdout
    for fault in Fault:
        assert fault.value in run.stdout
