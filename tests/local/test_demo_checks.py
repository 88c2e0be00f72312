"""The demo's checks find each violation and accept each correct result."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.local.demo.cases import Case, Kind, iso
from app.local.demo.checks import lateness_ms, median_on_time_ms, violations
from app.local.demo.table import table

DUE = datetime(2026, 12, 1, 8, 0, 2, 350_000, UTC)
URN = "urn:li:share:7000000000000000001"
SWEEP_LIMIT_MS = 5000.0


def send(attempt: int, late_ms: float) -> dict[str, Any]:
    return {"attempt": attempt, "receivedAtMs": DUE.timestamp() * 1000 + late_ms}


def attempt(number: int, late_ms: int) -> dict[str, Any]:
    return {"attempt": number, "sentAt": iso(DUE + timedelta(milliseconds=late_ms)), "latenessMs": late_ms}


def steps(*statuses: str) -> list[dict[str, Any]]:
    return [{"from": one, "to": other} for one, other in pairwise(statuses)]


def good(kind: Kind = Kind.ON_TIME) -> Case:
    case = Case("a post", kind, DUE, post_id="p1")
    case.post = {"status": "published", "scheduledAt": iso(DUE), "linkedinPostUrn": URN, "retryCount": 0}
    case.copies = [{"urn": URN}]
    case.sends, case.attempts = [send(1, 14.2)], [attempt(1, 12)]
    case.transitions = steps("draft", "scheduled", "publishing", "published")
    if kind is Kind.RETRIED:
        case.post["retryCount"] = 1
        case.sends.append(send(2, 2100.0))
        case.attempts.append(attempt(2, 2098))
        case.transitions = steps("draft", "scheduled", "publishing", "scheduled", "publishing", "published")
    if kind is Kind.SWEPT:
        case.sends, case.attempts = [send(1, 2514.2)], [attempt(1, 2512)]
    if kind is Kind.UNSCHEDULED:
        case.post, case.copies, case.sends, case.attempts = {"status": "draft"}, [], [], []
        case.transitions = steps("draft", "scheduled", "draft")
    return case


@pytest.mark.parametrize("kind", list(Kind))
def test_a_correct_result_has_no_violations(kind: Kind) -> None:
    assert violations(good(kind), SWEEP_LIMIT_MS) == []


VIOLATIONS: list[tuple[str, Kind, dict[str, Any], str]] = [
    ("early", Kind.ON_TIME, {"sends": [send(1, -0.5)], "attempts": [attempt(1, -1)]}, "early"),
    ("late", Kind.ON_TIME, {"sends": [send(1, 1500)], "attempts": [attempt(1, 1499)]}, "1500 ms late"),
    ("swept too late", Kind.SWEPT, {"sends": [send(1, 9000)], "attempts": [attempt(1, 8999)]}, "9000 ms late"),
    ("twice", Kind.ON_TIME, {"copies": [{"urn": URN}, {"urn": "other"}]}, "2 copies"),
    ("nowhere", Kind.ON_TIME, {"copies": []}, "0 copies"),
    ("another urn", Kind.ON_TIME, {"copies": [{"urn": "other"}]}, "the network's other"),
    ("no attempt", Kind.ON_TIME, {"attempts": []}, "0 attempts are recorded, 1 sends arrived"),
    ("wrong instant", Kind.ON_TIME, {"attempts": [attempt(1, -3000)]}, "before it arrived"),
    ("wrong lateness", Kind.ON_TIME, {"attempts": [{**attempt(1, 12), "latenessMs": 99}]}, "does not fit"),
    ("no instant", Kind.ON_TIME, {"attempts": [{**attempt(1, 12), "sentAt": None}]}, "no instant"),
    (
        "broken chain",
        Kind.ON_TIME,
        {"transitions": steps("draft", "scheduled") + steps("publishing", "published")},
        "fol",
    ),
    ("no sends", Kind.ON_TIME, {"sends": [], "attempts": []}, "took 0 sends"),
    ("wrong last transition", Kind.ON_TIME, {"transitions": steps("draft", "scheduled")}, "last transition"),
    ("never retried", Kind.RETRIED, {"sends": [send(1, 14)], "attempts": [attempt(1, 12)]}, "took 1 sends"),
    ("sent though unscheduled", Kind.UNSCHEDULED, {"sends": [send(1, 5)]}, "although it was unscheduled"),
    ("copied though unscheduled", Kind.UNSCHEDULED, {"copies": [{"urn": URN}]}, "although it was unscheduled"),
]


@pytest.mark.parametrize(("_name", "kind", "changes", "violation"), VIOLATIONS, ids=[one[0] for one in VIOLATIONS])
def test_a_violation_is_found(_name: str, kind: Kind, changes: dict[str, Any], violation: str) -> None:
    case = good(kind)
    for name, value in changes.items():
        setattr(case, name, deepcopy(value))
    assert violation in " ".join(violations(case, SWEEP_LIMIT_MS))


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"status": "failed", "errorMessage": "no"}, "failed, not published (no)"),
        ({"scheduledAt": "2026-12-01T08:00:02.000Z"}, "changed to 2026-12-01T08:00:02.000Z"),
        ({"retryCount": 1}, "1 counted failures"),
        ({"linkedinPostUrn": None}, "the app's URN is None"),
    ],
)
def test_a_wrong_field_of_the_post_is_a_violation(changes: dict[str, Any], violation: str) -> None:
    case = good()
    case.post |= changes
    assert violation in " ".join(violations(case, SWEEP_LIMIT_MS))


def test_the_lateness_limit_is_a_parameter() -> None:
    case = good()
    case.sends, case.attempts = [send(1, 2500.0)], [attempt(1, 2499)]
    assert violations(case, SWEEP_LIMIT_MS, 3000.0) == []
    assert violations(case, SWEEP_LIMIT_MS, 2499.0) == ["its first send was 2500 ms late (2499 ms are allowed)"]


def test_an_unscheduled_post_must_be_a_draft() -> None:
    case = good(Kind.UNSCHEDULED)
    case.post["status"] = "scheduled"
    assert violations(case, SWEEP_LIMIT_MS) == ["its status is scheduled, not draft"]


def test_the_median_covers_only_the_posts_on_time() -> None:
    cases = [good(Kind.SWEPT), good(), good(), good(Kind.UNSCHEDULED)]
    cases[1].sends = [send(1, 30)]
    assert median_on_time_ms(cases) == pytest.approx((30 + 14.2) / 2, abs=0.01)
    assert median_on_time_ms([good(Kind.UNSCHEDULED)]) is None


def test_the_table_has_one_line_per_post() -> None:
    kept, broken, unscheduled = good(), good(Kind.RETRIED), good(Kind.UNSCHEDULED)
    broken.post_id = "p2"
    lines = table([kept, broken, unscheduled], {"p1": [], "p2": ["something"]}).splitlines()
    assert len(lines) == 5
    assert "08:00:02.350" in lines[2]
    assert "08:00:02.364" in lines[2]
    assert lines[2].endswith("✓")
    assert lines[3].endswith("✗")
    assert "refused at +14 ms" in lines[3]
    assert "never sent" in lines[4]
    assert lateness_ms(unscheduled) is None
