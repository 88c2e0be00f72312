"""A duplicate refusal proves the post to be out only by an id made in our own send window."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.explanations import SENTENCES
from app.domain.outcomes import Outcome, Report, Verdict
from app.domain.reports import SendWindow, created_at, read_report
from tests.support.fakes import urn_at

SENT = datetime(2026, 12, 1, 8, 0, 0, tzinfo=UTC)
NOW = SENT + timedelta(minutes=8)
OURS = urn_at(SENT + timedelta(seconds=2))
OLDER = urn_at(SENT - timedelta(days=7))
WINDOW, FIRST_WINDOW = SendWindow(SENT, NOW, earlier=True), SendWindow(SENT, NOW)

DUPLICATES: list[dict[str, Any]] = [
    {"error_code": "DUPLICATE_POST"},
    {"error_code": " duplicate_post ", "http_status": 422},
    {"error_code": "506", "http_status": 400},
    {"error_code": "506", "http_status": 401},
    {"http_status": 422, "error": '{"code":"DUPLICATE_POST"}', "retryable": True},
]


def refused(window: SendWindow | None, **values: Any) -> Verdict:
    return read_report(Report("post-1", published=False, **{"error_code": "DUPLICATE_POST"} | values), window=window)


@pytest.mark.parametrize("values", DUPLICATES, ids=repr)
def test_duplicate_of_a_post_from_our_window_is_already_there(values: dict[str, Any]):
    for window in (WINDOW, FIRST_WINDOW):  # in the first, one call was executed twice
        verdict = refused(window, external_id=OURS, **values)
        assert (verdict.outcome, verdict.external_id, verdict.code) == (Outcome.ALREADY_THERE, OURS, None)
        assert (verdict.detail, verdict.http_status) == (values.get("error", ""), values.get("http_status"))


@pytest.mark.parametrize("values", DUPLICATES, ids=repr)
def test_duplicate_of_an_older_post_fails_and_names_it(values: dict[str, Any]):
    for window in (WINDOW, FIRST_WINDOW, None):
        verdict = refused(window, external_id=OLDER, **values)
        assert (verdict.outcome, verdict.code, verdict.external_id) == (Outcome.PERMANENT, "duplicate_content", None)
        assert OLDER in (verdict.message or "")
        assert (verdict.message or "").endswith("Change the text.")


@pytest.mark.parametrize(
    ("created", "is_ours"),
    [
        (SENT - timedelta(minutes=1), False),
        (SENT - timedelta(seconds=6), False),
        (SENT - timedelta(seconds=4), True),
        (SENT, True),
        (NOW, True),
        (NOW + timedelta(seconds=4), True),
        (NOW + timedelta(seconds=6), False),
    ],
)
def test_window_allows_five_seconds_between_two_clocks(created: datetime, is_ours: bool):
    verdict = refused(WINDOW, error=f"Content is a duplicate of {urn_at(created)}")
    assert verdict.outcome is (Outcome.ALREADY_THERE if is_ours else Outcome.PERMANENT)


def test_duplicate_without_an_id_waits_for_a_person_if_an_earlier_attempt_may_be_out():
    verdict = refused(WINDOW)
    expected = (Outcome.PERMANENT, "outcome_unknown", SENTENCES["outcome_unknown"])
    assert (verdict.outcome, verdict.code, verdict.message) == expected


@pytest.mark.parametrize("window", [FIRST_WINDOW, None])
def test_duplicate_without_an_id_is_the_authors_own_if_no_earlier_attempt_may_be_out(window: SendWindow | None):
    verdict = refused(window)
    expected = (Outcome.PERMANENT, "duplicate_content", SENTENCES["duplicate_content"])
    assert (verdict.outcome, verdict.code, verdict.message) == expected


@pytest.mark.parametrize(
    "external_id", ["12345_67890", "17912345678901234", "urn:li:person:9", "urn:li:share:x-1", "7"]
)
def test_undated_id_proves_nothing_of_an_earlier_attempt(external_id: str):
    assert created_at(external_id) is None
    assert refused(WINDOW, external_id=external_id).code == "outcome_unknown"


@pytest.mark.parametrize("kind", ["share", "ugcPost", "activity"])
def test_urn_of_each_kind_is_found_in_the_text(kind: str):
    ours = urn_at(SENT, kind)
    text = f"Content is a duplicate of {ours}. By urn:li:person:9"
    assert refused(WINDOW, error=text, http_status=422).external_id == ours


def test_urn_of_our_window_is_found_beside_others():
    text = f"{OLDER} quoted: Content is a duplicate of {OURS}"
    assert refused(WINDOW, error=text).external_id == OURS
    assert refused(WINDOW, external_id=OLDER, error=text).external_id == OURS


def test_duplicate_in_an_old_workflows_text_is_recognised():
    """An old workflow reports the platform's answer as one text, without code, status and attempt."""
    text = f'422 - {{"code":"DUPLICATE_POST","message":"Content is a duplicate of {OURS}"}}'
    verdict = refused(WINDOW, error_code="", error=text)
    assert (verdict.outcome, verdict.external_id) == (Outcome.ALREADY_THERE, OURS)


def test_creation_time_is_the_upper_bits_of_the_number():
    assert created_at("urn:li:share:7140852891648001234") == datetime(2023, 12, 14, tzinfo=UTC)
    assert created_at(urn_at(SENT)) == SENT
    assert created_at("urn:li:share:" + "9" * 24) is None
    assert created_at("urn:li:share:1") is None


class ReportsInBetween:
    """Another post of the same text, whose own report brings it the id after the first look-up here."""

    def __init__(self) -> None:
        self.looked_up = 0

    def have(self, external_id: str) -> bool:
        self.looked_up += 1
        return self.looked_up > 1

    def may_have(self, created: datetime) -> bool:
        self.looked_up += 1
        return self.looked_up == 1


def test_id_that_another_posts_report_brings_between_two_look_ups_is_not_ours():
    window = SendWindow(SENT, NOW, earlier=True, others=ReportsInBetween())
    assert refused(window, external_id=OURS).outcome is Outcome.PERMANENT
