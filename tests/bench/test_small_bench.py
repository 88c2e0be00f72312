"""The bench in small, as a part of every test run: without the packages of the other schedulers, and in seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 240

pytestmark = pytest.mark.xdist_group("local-stack")  # it must not take the processor from tests that look at the clock


def test_a_burst_arrives_whole_once_and_not_early_from_bare_threads_and_from_punctual(tmp_path: Path) -> None:
    size = ["--works", "burst", "--systems", "floor,punctual", "--runs", "1", "--posts", "5", "--warm", "0"]
    size += ["--head", "2"]
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", *size, "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for case in json.loads((tmp_path / "results.json").read_text()):
        median = case["median"]
        assert [median[name] for name in ("posts", "early", "lost", "twice")] == [5, 0, 0, 0], case
    assert (tmp_path / "lateness-burst.svg").exists()
    assert "punctual" in (tmp_path / "table.txt").read_text()
