"""The bench's table, files and histograms."""

import json
from pathlib import Path
from xml.etree import ElementTree

from tests.bench.figures import Figures
from tests.bench.histogram import PER_DECADE, counts, drawing
from tests.bench.report import table, write

BURST = Figures(
    posts=3, p50_ms=2.0, p99_ms=3.0, per_second=1234.5, early=0, lost=0, twice=0, lateness_ms=[1.0, 2.0, 3.0]
)
CALLS = Figures(posts=3, rates={"schedule ×1": 321.0})
FOUND = {("burst", "punctual"): [BURST], ("calls", "punctual"): [CALLS]}


def test_table_has_a_row_per_case_and_reasons_for_missing_ones():
    text = table(FOUND, {"punctual": "how it is set up"}, {("burst", "celery"): "no Redis here"})
    row = next(line for line in text.splitlines() if line.split()[:2] == ["burst", "punctual"])
    assert row.split() == ["burst", "punctual", "3", "2.0", "3.0", "–", "–", "1,234", "0", "0", "0", *"–––––"]
    assert ["calls", "punctual", "3", "321", "–"] in [line.split() for line in text.splitlines()]
    assert "burst celery: no Redis here" in text
    assert "punctual: how it is set up" in text


def test_write_creates_table_results_and_histogram_of_lateness(tmp_path: Path):
    write(tmp_path / "results", "the table\n", FOUND)
    results = json.loads((tmp_path / "results" / "results.json").read_text())
    assert [(case["work"], case["system"], len(case["runs"])) for case in results] == [
        ("burst", "punctual", 1),
        ("calls", "punctual", 1),
    ]
    assert results[0]["runs"][0]["lateness_ms"] == [1.0, 2.0, 3.0]
    assert (tmp_path / "results" / "table.txt").read_text() == "the table\n"
    assert [path.name for path in (tmp_path / "results").glob("*.svg")] == ["lateness-burst.svg"]


def test_each_value_is_in_one_bin_and_outliers_in_the_outermost():
    bins = counts([-5.0, 0.1, 1.0, 9_999.0], decades=2)
    assert len(bins) == 2 * PER_DECADE
    assert (bins[0], bins[PER_DECADE], bins[-1], sum(bins)) == (2, 1, 1, 4)


def test_histogram_is_well_formed_and_names_each_system_with_lateness():
    root = ElementTree.fromstring(drawing("burst", {"<punctual>": [0.5, 20.0], "floor": [1.0], "silent": []}))
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"<punctual>", "floor"} < set(words)
    assert "silent" not in words
