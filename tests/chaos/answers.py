"""Counts the app's answers as their callers saw them, and keeps those that no caller may see."""

import re
import threading
from collections import Counter
from typing import Any

import requests

NO_ANSWER = "no answer"
#: Traces, SQL, and the texts of drivers and servers. None belongs in an answer.
INTERNALS = re.compile(
    r"Traceback|File \"|psycopg|sqlalchemy|sqlite3|PANIC|FATAL|ENOSPC|No space left|could not (extend|write|connect)"
    r"|connection slots|too many clients|terminating connection|server closed|recovery mode|SELECT |INSERT INTO"
)
EXPECTED_5XX = 503
MONITORS = ("/healthz", "/readyz", "/api/scheduler/status")  # their 503 is a state, not a problem document


class AnswerLog:
    """The answers by status and code. Shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []

    def note(self, method: str, path: str, answer: requests.Response | None) -> None:
        """Count one answer. None means that the connection was lost, refused or timed out."""
        name = NO_ANSWER if answer is None else _name(answer)
        fault = None if answer is None else fault_of(path, answer)
        with self._lock:
            self.counts[name] += 1
            if fault:
                self.faults.append(f"{method} {path}: {name}: {fault}")

    def summary(self) -> str:
        """Return the counts as text, in the order of their names."""
        return ", ".join(f"{name} ×{count}" for name, count in sorted(self.counts.items()))


def fault_of(path: str, answer: requests.Response) -> str | None:
    """Return why no caller may see this answer, None for an answer as the contract has it."""
    if found := INTERNALS.search(answer.text):
        return f"tells of internals: {found[0]}"
    if answer.status_code < 400 or path in MONITORS:
        return None
    if answer.status_code >= 500 and answer.status_code != EXPECTED_5XX:
        return "only 503 may say that the database is away"
    if answer.status_code == 401:
        return "the token is valid"
    if _problem(answer).get("code") is None:
        return "no problem document"
    if answer.status_code == EXPECTED_5XX and "Retry-After" not in answer.headers:
        return "no Retry-After"
    return None


def _name(answer: requests.Response) -> str:
    code = _problem(answer).get("code") if answer.status_code >= 400 else None
    return f"{answer.status_code} {code}" if code else str(answer.status_code)


def _problem(answer: requests.Response) -> dict[str, Any]:
    if answer.headers.get("Content-Type") != "application/problem+json":
        return {}
    try:
        return dict(answer.json())
    except ValueError:
        return {}
