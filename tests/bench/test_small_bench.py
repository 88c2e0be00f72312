"""A small bench for every test run: a few seconds, without the other schedulers' packages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 600  # ends a hanging test

pytestmark = pytest.mark.xdist_group("local-stack")  # it must not take the processor from timing tests


def test_burst_from_floor_and_punctual_arrives_complete_once_and_not_early(tmp_path: Path) -> None:
    size = ["--works", "burst", "--systems", "floor,punctual", "--runs", "1", "--posts", "5", "--warm", "0"]
    size += ["--head", "5"]  # seconds for scheduling the posts, enough on a busy machine
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", *size, "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for case in json.loads((tmp_path / "results.json").read_text()):
        median = case["median"]
        assert [median[name] for name in ("posts", "early", "lost", "twice")] == [5, 0, 0, 0], case
    assert (tmp_path / "lateness-burst.svg").exists()
    assert "punctual" in (tmp_path / "table.txt").read_text()
