"""docs/architecture.md says what is true: its files, tests, log events and outcomes exist, and none is missing."""

import ast
import re
from pathlib import Path

from app.domain.lifecycle import ALLOWED
from app.domain.outcomes import Outcome

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()
FOLDERS = ("", "app/", "app/delivery/")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}")[1].split("\n## ")[0]


def first_cells(table: str) -> set[str]:
    return {line.split("|")[1].strip().strip("`") for line in table.splitlines() if re.match(r"\| [`a-z]", line)}


def emitted_events() -> set[str]:
    calls = [
        node
        for path in (ROOT / "app").rglob("*.py")
        if "local" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "emit"
    ]
    return {str(ast.literal_eval(call.args[0])) for call in calls}


def test_every_file_that_the_page_names_exists():
    named = set(re.findall(r"`((?:[a-z_0-9]+/)*[a-z_0-9]+\.(?:py|md)|(?:[a-z_0-9]+/)+)`", PAGE))
    missing = {name for name in named if not any((ROOT / folder / name).exists() for folder in FOLDERS)}
    assert len(named) > 50
    assert missing == set()


def test_every_test_that_the_page_names_exists():
    named = re.findall(r"`(tests/[a-z_0-9/]+\.py)` `(test_[a-z_0-9]+)`", PAGE)
    missing = [(path, name) for path, name in named if f"def {name}(" not in (ROOT / path).read_text()]
    assert len(named) >= 15
    assert missing == []


def test_the_table_of_log_events_has_every_event_that_the_app_emits():
    assert first_cells(section("Log events")) - {"event"} == emitted_events()


def test_the_table_of_outcomes_has_every_outcome():
    named = {name.replace(" ", "_") for name in first_cells(section("How an attempt can end"))}
    assert named - {"outcome"} == {outcome.value for outcome in Outcome}


def test_the_drawn_lifecycle_has_every_transition_but_late_truth():
    drawn = set(re.findall(r"^    (\w+) --> (\w+):", PAGE, re.MULTILINE))
    allowed = {(before.value, after.value) for before, targets in ALLOWED.items() for after in targets}
    late_truth = {("draft", "published"), ("scheduled", "published"), ("failed", "published")}
    assert drawn == allowed - late_truth - {("publishing", "publishing")}
