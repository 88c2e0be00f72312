"""The demo's judge lets nothing pass: each broken promise is found, and kept ones are not complained about."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from app.local.demo.cases import Case, Kind, iso
from app.local.demo.checks import complaints, lateness_ms, median_on_time_ms
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
    if kind is Kind.CALLED_OFF:
        case.post, case.copies, case.sends, case.attempts = {"status": "draft"}, [], [], []
        case.transitions = steps("draft", "scheduled", "draft")
    return case


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kept_promise_is_not_complained_about(kind: Kind) -> None:
    assert complaints(good(kind), SWEEP_LIMIT_MS) == []


BROKEN: list[tuple[str, Kind, dict[str, Any], str]] = [
    ("early", Kind.ON_TIME, {"sends": [send(1, -0.5)], "attempts": [attempt(1, -1)]}, "early"),
    ("late", Kind.ON_TIME, {"sends": [send(1, 1500)], "attempts": [attempt(1, 1499)]}, "1500 ms late"),
    ("swept too late", Kind.SWEPT, {"sends": [send(1, 9000)], "attempts": [attempt(1, 8999)]}, "9000 ms late"),
    ("twice", Kind.ON_TIME, {"copies": [{"urn": URN}, {"urn": "other"}]}, "2 copies"),
    ("nowhere", Kind.ON_TIME, {"copies": []}, "0 copies"),
    ("by another name", Kind.ON_TIME, {"copies": [{"urn": "other"}]}, "the network other"),
    ("not told", Kind.ON_TIME, {"attempts": []}, "0 attempts are recorded, 1 sends arrived"),
    ("told wrongly", Kind.ON_TIME, {"attempts": [attempt(1, -3000)]}, "before it arrived"),
    ("recorded wrongly", Kind.ON_TIME, {"attempts": [{**attempt(1, 12), "latenessMs": 99}]}, "does not fit"),
    ("no instant", Kind.ON_TIME, {"attempts": [{**attempt(1, 12), "sentAt": None}]}, "no instant"),
    (
        "broken chain",
        Kind.ON_TIME,
        {"transitions": steps("draft", "scheduled") + steps("publishing", "published")},
        "fol",
    ),
    ("out of nowhere", Kind.ON_TIME, {"sends": [], "attempts": []}, "took 0 sends"),
    ("no end", Kind.ON_TIME, {"transitions": steps("draft", "scheduled")}, "last transition"),
    ("never retried", Kind.RETRIED, {"sends": [send(1, 14)], "attempts": [attempt(1, 12)]}, "took 1 sends"),
    ("sent though called off", Kind.CALLED_OFF, {"sends": [send(1, 5)]}, "went out all the same"),
    ("copied though called off", Kind.CALLED_OFF, {"copies": [{"urn": URN}]}, "went out all the same"),
]


@pytest.mark.parametrize(("_name", "kind", "changes", "complaint"), BROKEN, ids=[one[0] for one in BROKEN])
def test_a_broken_promise_is_found(_name: str, kind: Kind, changes: dict[str, Any], complaint: str) -> None:
    case = good(kind)
    for name, value in changes.items():
        setattr(case, name, deepcopy(value))
    assert complaint in " ".join(complaints(case, SWEEP_LIMIT_MS))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"status": "failed", "errorMessage": "no"}, "failed, not published (no)"),
        ({"scheduledAt": "2026-12-01T08:00:02.000Z"}, "became 2026-12-01T08:00:02.000Z"),
        ({"retryCount": 1}, "1 counted failures"),
        ({"linkedinPostUrn": None}, "the app names it None"),
    ],
)
def test_the_posts_own_fields_count(changes: dict[str, Any], complaint: str) -> None:
    case = good()
    case.post |= changes
    assert complaint in " ".join(complaints(case, SWEEP_LIMIT_MS))


def test_how_late_a_post_may_be_is_the_modes_to_say() -> None:
    case = good()
    case.sends, case.attempts = [send(1, 2500.0)], [attempt(1, 2499)]
    assert complaints(case, SWEEP_LIMIT_MS, 3000.0) == []
    assert complaints(case, SWEEP_LIMIT_MS, 2499.0) == ["its first send came 2500 ms late; 2499 ms are allowed"]


def test_a_post_called_off_must_be_a_draft() -> None:
    case = good(Kind.CALLED_OFF)
    case.post["status"] = "scheduled"
    assert complaints(case, SWEEP_LIMIT_MS) == ["its status is scheduled, not draft"]


def test_the_median_is_of_the_posts_on_time_only() -> None:
    cases = [good(Kind.SWEPT), good(), good(), good(Kind.CALLED_OFF)]
    cases[1].sends = [send(1, 30)]
    assert median_on_time_ms(cases) == pytest.approx((30 + 14.2) / 2, abs=0.01)
    assert median_on_time_ms([good(Kind.CALLED_OFF)]) is None


def test_the_table_has_a_line_per_post() -> None:
    kept, broken, off = good(), good(Kind.RETRIED), good(Kind.CALLED_OFF)
    broken.post_id = "p2"
    lines = table([kept, broken, off], {"p1": [], "p2": ["something"]}).splitlines()
    assert len(lines) == 5
    assert "08:00:02.350" in lines[2]
    assert "08:00:02.364" in lines[2]
    assert lines[2].endswith("✓")
    assert lines[3].endswith("✗")
    assert "refused at +14 ms" in lines[3]
    assert "never sent" in lines[4]
    assert lateness_ms(off) is None
