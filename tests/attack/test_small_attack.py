"""A small run of the attacks for every test run: it counts right. No time is judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 600  # ends a hanging test

pytestmark = pytest.mark.xdist_group("local-stack")  # it must not take the processor from timing tests


def test_small_run_counts_posts_and_attacks_and_ends_by_itself(tmp_path: Path) -> None:
    size = ["--attacks", "heads,proofs,replays", "--posts", "10", "--alone", "2", "--every", "0.1", "--users", "3"]
    run = subprocess.run(
        [sys.executable, "-m", "tests.attack", *size, "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    assert run.stderr == ""
    found = json.loads((tmp_path / "results.json").read_text())
    assert [attack["kind"] for attack in found["attacks"]] == ["slow", "other", "other"]
    assert [attack["beside"]["posts"] for attack in found["attacks"]] == [10, 10, 10]
    assert [each["posts"] for each in found["alone"]] == [2, 2, 2]
    assert all(attack["beside"]["early"] == attack["beside"]["twice"] == 0 for attack in found["attacks"])
    heads, proofs, replays = (attack["did"] for attack in found["attacks"])
    assert sum(heads.values()) == 40
    assert proofs
    assert set(proofs) <= {"401", "429", "503", "no answer in time", "cut off"}
    assert replays
    assert run.returncode == (0 if all(not attack["problems"] for attack in found["attacks"]) else 1)
