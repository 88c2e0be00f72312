"""Prometheus' own rules engine: whether an alert fires over the samples of real scrapes.

`promtool` comes with Debian's package `prometheus`, and CI brings it. Where it is missing, these tests are skipped.
Under CI they fail.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.scrapes import Scrape

RULES = Path(__file__).parent.parent.parent / "docs" / "monitoring" / "rules.yml"
STEP_MINUTES = 40  # each scrape repeats for so long: longer than every window and every `for`
UP = ("up", (("job", "punctual"),))


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is missing. .ci/run brings it from Debian's package `prometheus`.")
        pytest.skip("promtool is missing: apt-get install prometheus")
    return subprocess.run([found, *arguments], input=text, capture_output=True, text=True, check=False)


def check_fires(tmp_path: Path, alert: str, healthy: Scrape, sick: Scrape | None) -> None:
    """Assert that the alert fires over the second scrape, and not over the first. None: no answer.

    Each scrape lasts for STEP_MINUTES.
    """
    checks = [_check(alert, number, fires) for number, fires in enumerate((False, True))]
    test = {"interval": "1m", "input_series": _series((healthy, sick)), "promql_expr_test": checks}
    file = tmp_path / "test.json"  # JSON is YAML too
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [test]}))
    done = promtool("test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def _check(alert: str, number: int, fires: bool) -> dict[str, Any]:
    """Return the check that the alert fires at some minute of the scrape with this number, or at none."""
    at, firing = f"{(number + 1) * STEP_MINUTES - 1}m", f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
    query = f"count(count_over_time({firing}[{STEP_MINUTES - 2}m])) > bool 0"
    return {"expr": query, "eval_time": at, "exp_samples": [{"labels": "{}", "value": 1}] if fires else []}


def _series(scrapes: Sequence[Scrape | None]) -> list[dict[str, Any]]:
    """Return the samples as promtool's series."""
    names = {key: None for seen in scrapes if seen is not None for key in seen.samples} | {UP: None}

    def values(key: Any) -> str:
        return " ".join(_part(seen, key, number) for number, seen in enumerate(scrapes))

    return [{"series": _named(key), "values": values(key)} for key in names]


def _part(seen: Scrape | None, key: Any, number: int) -> str:
    if key == UP:
        return f"{int(seen is not None)}x{STEP_MINUTES - 1}"
    if seen is None or key not in seen.samples:
        return f"_x{STEP_MINUTES}"
    value = seen.samples[key]
    if key[0].endswith("_timestamp_seconds"):  # keep its age: promtool's time begins at 0 and goes on
        return f"{value - seen.at + number * STEP_MINUTES * 60}+60x{STEP_MINUTES - 1}"
    return f"{value}x{STEP_MINUTES - 1}"


def _named(key: tuple[str, tuple[tuple[str, str], ...]]) -> str:
    labels = {"job": "punctual", "instance": "one"} | dict(key[1])
    return f"{key[0]}{{{','.join(f'{name}={json.dumps(value)}' for name, value in sorted(labels.items()))}}}"
