"""The log's lines: their streams, their levels, and the level of every event of the app."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.log import PROBLEMS

ROOT = Path(__file__).parent.parent
SOUNDS_LIKE_A_PROBLEM = re.compile(r"not_|failed|broke|lost|refused|unavailable|unreadable|exhausted|alone|postponed")
ROUTINE = {"auth.refused"}  # an expired token of a user is everyday life
EMIT = """
import logging, sys
from app.log import configure, emit
configure()
configure()
emit("post.created", post_id="p")
emit("database.unavailable", error="x")
emit("request.failed", level=40)
emit("post.settled", level=logging.WARNING)
emit("sweep", level=logging.DEBUG)
access = logging.getLogger("werkzeug")
access.addHandler(logging.StreamHandler(sys.stdout))
access.error('{"level": "access", "event": "GET /api/webhooks/claim?token=x HTTP/1.1"}')
try:
    1 / 0
except ZeroDivisionError:
    emit("sweep.failed", exc_info=True)
"""


@pytest.fixture(scope="module")
def streams() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    done = subprocess.run([sys.executable, "-c", EMIT], capture_output=True, text=True, cwd=ROOT, check=True)
    out, err = ([json.loads(line) for line in text.splitlines()] for text in (done.stdout, done.stderr))
    return out, err


ACCESS = ("access", "GET /api/webhooks/claim?… HTTP/1.1")


def test_lines_below_warning_go_to_stdout(streams: tuple[list[dict[str, Any]], list[dict[str, Any]]]):
    assert [(line["level"], line["event"]) for line in streams[0]] == [("info", "post.created"), ACCESS]


def test_lines_from_warning_up_go_to_stderr(streams: tuple[list[dict[str, Any]], list[dict[str, Any]]]):
    assert [(line["level"], line["event"]) for line in streams[1]] == [
        ("warning", "database.unavailable"),
        ("error", "request.failed"),
        ("warning", "post.settled"),
        ("error", "sweep.failed"),
    ]
    assert "ZeroDivisionError" in streams[1][-1]["exception"]


def emits() -> dict[str, bool]:
    """Return every event of the app, and if it has a level or a stack trace of its own."""
    calls = [
        node
        for path in (ROOT / "app").rglob("*.py")
        if "local" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "emit"
    ]
    own = {"level", "exc_info"}
    return {ast.literal_eval(call.args[0]): any(word.arg in own for word in call.keywords) for call in calls}


def test_each_event_that_sounds_like_a_problem_is_listed_as_one():
    found = {event for event, own in emits().items() if SOUNDS_LIKE_A_PROBLEM.search(event) and not own}
    assert found - PROBLEMS - ROUTINE == set(), "add the event to PROBLEMS in app/log.py, or to ROUTINE here"


def test_each_listed_problem_is_an_event_of_the_app():
    assert set(emits()) >= PROBLEMS
