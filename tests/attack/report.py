"""Writes the table and results.json of a run."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.attack.judge import OTHER_MS, SLOW_FLOOR_MS, SLOW_RATIO, Lateness, Verdict

CAPTION = f"""\
Lateness of other users' posts is arrival in n8n's place − due instant, in ms. Alone: the median of the rounds between
the attacks. The limit is on p99: {SLOW_RATIO:g} times alone for slow sockets, and at least {SLOW_FLOOR_MS:g} ms more,
and {OTHER_MS:g} ms more than alone for other attacks. No post may be missing, early, or sent twice. The attackers run
at a lower priority than the system (Linux), for elsewhere they have processors of their own. Disk: a process
beside writes and syncs a page every 20 ms, and this is the longest wait, in ms. A commit waits so too."""
HEAD = [
    "attack",
    "posts",
    "alone p50",
    "p99",
    "max",
    "beside p50",
    "p99",
    "max",
    "ratio",
    "more",
    "limit",
    "disk",
    "verdict",
]


def table(verdicts: Sequence[Verdict], rounds: Sequence[Lateness], disk_ms: Sequence[float]) -> str:
    """Format a row per attack, then the noise of the rounds alone, what each attack did, and the result."""
    rows = [HEAD, *(_row(verdict, ms) for verdict, ms in zip(verdicts, disk_ms, strict=True))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(_cells(row, widths)).rstrip() for row in rows]
    did = [f"{verdict.name}: {_did(verdict)}" for verdict in verdicts]
    failed = sum(not verdict.passed for verdict in verdicts)
    end = f"{failed} of {len(verdicts)} attacks made posts late." if failed else "No attack made a post late."
    return "\n".join([*lines, "", CAPTION, _noise(rounds), "", *did, "", end]) + "\n"


def write(
    folder: Path, text: str, verdicts: Sequence[Verdict], rounds: Sequence[Lateness], disk_ms: Sequence[float]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.txt").write_text(text, encoding="utf-8")
    found = {
        "attacks": [asdict(verdict) for verdict in verdicts],
        "alone": [asdict(each) for each in rounds],
        "diskMs": list(disk_ms),
    }
    (folder / "results.json").write_text(json.dumps(_finite(found), indent=1) + "\n", encoding="utf-8")


def _noise(rounds: Sequence[Lateness]) -> str:
    lowest, highest = min(each.p99 for each in rounds), max(each.p99 for each in rounds)
    return f"P99 of the rounds alone was {_number(lowest)} to {_number(highest)}: on a busy machine a verdict is noise."


def _row(verdict: Verdict, disk_ms: float) -> list[str]:
    alone, beside = verdict.alone, verdict.beside
    ratio = "–" if alone.p99 <= 0 else _number(beside.p99 / alone.p99, "×")
    values = [_number(ms) for late in (alone, beside) for ms in (late.p50, late.p99, late.most)]
    end = [ratio, _number(beside.p99 - alone.p99), _number(verdict.limit_ms), _number(disk_ms)]
    return [verdict.name, str(beside.posts), *values, *end, "ok" if verdict.passed else ", ".join(verdict.problems)]


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    name, *middle, verdict = row
    return [
        name.ljust(widths[0]),
        *(cell.rjust(width) for cell, width in zip(middle, widths[1:], strict=False)),
        verdict,
    ]


def _number(value: float, unit: str = "") -> str:
    return "∞" if math.isinf(value) else f"{value:,.1f}{unit}"


def _did(verdict: Verdict) -> str:
    return ", ".join(f"{count:,} × {what}" for what, count in verdict.did.items()) or "nothing"


def _finite(value: Any) -> Any:
    """Replace infinity by None: JSON has no number for it."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and math.isinf(value) else value
