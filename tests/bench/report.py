"""Writes the results: one plain-text table, all figures as JSON, and histograms."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench.figures import Figures, medians
from tests.bench.histogram import drawing

Case = tuple[str, str]  # (workload, system)
COLUMNS = (
    ("p50 ms", "p50_ms", "{:.1f}"),
    ("p99 ms", "p99_ms", "{:.1f}"),
    ("first ms", "first_ms", "{:.1f}"),
    ("last ms", "last_ms", "{:.0f}"),
    ("posts/s", "per_second", "{:,.0f}"),
    ("early", "early", "{:g}"),
    ("lost", "lost", "{:g}"),
    ("twice", "twice", "{:g}"),
    ("over 20 ms", "late", "{:g}"),
    ("by disk", "late_by_disk", "{:g}"),
    ("in doubt", "undecided", "{:g}"),
    ("before restart", "before_restart", "{:g}"),
    ("done after s", "done_after_s", "{:.1f}"),
)
CAPTION = """\
Medians of the runs. Lateness is arrival at the receiver − due instant, in ms. Posts/s counts from the instant to the
last arrival. Over 20 ms: posts that came later than this, one at a time. By disk: of these, posts that waited half of
it or more while the disk held a page that a process beside wrote and synced every 20 ms. In doubt: held by the system
until a lease ends, because the outcome is unknown. Before restart: arrived before the restart. Done after: from the
restart to the last arrival. Calls are calls per second, one at a time and sixteen at a time: over HTTP for Punctual
and the bare app, in-process for the others. Bulk: rows per second, as posts created, scheduled and armed in one call,
or as jobs added one after the other. Processor ms: one schedule, in its server and database. The receiver replaces
n8n: it answers 200 and sends no report."""


def table(found: Mapping[Case, Sequence[Figures]], notes: Mapping[str, str], gaps: Mapping[Case, str]) -> str:
    """Format one row per workload and system, then the notes and the reasons of missing cases."""
    middle = {case: medians(runs) for case, runs in found.items()}
    parts = [_lateness_table(middle), _calls_table(middle), _gaps(gaps), CAPTION, *_notes(notes), _machine()]
    return "\n\n".join(part for part in parts if part) + "\n"


def write(folder: Path, text: str, found: Mapping[Case, Sequence[Figures]]) -> None:
    """Write table.txt, results.json, and a histogram per workload with lateness."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.txt").write_text(text, encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(_as_json(found), indent=1) + "\n", encoding="utf-8")
    for workload in dict.fromkeys(workload for workload, _ in found):
        lateness = {system: medians(runs).lateness_ms for (of, system), runs in found.items() if of == workload}
        if any(lateness.values()):
            (folder / f"lateness-{workload}.svg").write_text(drawing(workload, lateness), encoding="utf-8")


def _lateness_table(middle: Mapping[Case, Figures]) -> str:
    head = ["work", "system", "posts", *(title for title, _, _ in COLUMNS)]
    rows = [[*case, str(figures.posts), *_cells(figures)] for case, figures in middle.items() if not figures.rates]
    return "\n".join(_aligned([head, *rows])) if rows else ""


def _calls_table(middle: Mapping[Case, Figures]) -> str:
    works = dict.fromkeys(work for (work, _), figures in middle.items() if figures.rates)
    return "\n\n".join(_rates_table(middle, work) for work in works)


def _rates_table(middle: Mapping[Case, Figures], work: str) -> str:
    rated = {case: figures for case, figures in middle.items() if figures.rates and case[0] == work}
    kinds = list(next(iter(rated.values())).rates)
    head = ["work", "system", "posts", *(f"{kind} /s" for kind in kinds), "processor ms"]
    rows = [
        [*case, str(figures.posts), *(f"{figures.rates[kind]:,.0f}" for kind in kinds), _processor(figures)]
        for case, figures in rated.items()
    ]
    return "\n".join(_aligned([head, *rows]))


def _processor(figures: Figures) -> str:
    return "–" if figures.call_ms is None else f"{figures.call_ms:.1f}"


def _gaps(gaps: Mapping[Case, str]) -> str:
    return "\n".join(f"{workload} {system}: {reason}" for (workload, system), reason in gaps.items())


def _notes(notes: Mapping[str, str]) -> list[str]:
    return ["\n".join(f"{system}: {note}" for system, note in notes.items())] if notes else []


def _machine() -> str:
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _as_json(found: Mapping[Case, Sequence[Figures]]) -> list[dict[str, object]]:
    return [
        {"work": workload, "system": system, "median": _plain(medians(runs)), "runs": [_plain(run) for run in runs]}
        for (workload, system), runs in found.items()
    ]


def _plain(figures: Figures) -> dict[str, object]:
    plain = {**asdict(figures), "rates": dict(figures.rates), "lateness_ms": list(figures.lateness_ms)}
    return {name: value for name, value in plain.items() if value not in (None, {}, [])}


def _cells(figures: Figures) -> list[str]:
    values = ((getattr(figures, name), shape) for _, name, shape in COLUMNS)
    return ["–" if value is None else shape.format(value) for value, shape in values]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
