"""Outcomes of n8n's answers and reports, by the tables of the design."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.explanations import EXPLANATIONS, SENTENCES
from app.domain.outcomes import (
    KNOWN_NOT_OUT,
    MAX_ERROR_TEXT,
    Outcome,
    Report,
    UnknownOutcomePolicy,
    Verdict,
    mask_and_truncate,
    must_hold,
    read_reply,
    read_report,
)
from app.domain.ports import Reply

NOW = datetime(2026, 12, 1, 8, 0, 0, tzinfo=UTC)
URN = "urn:li:share:7123456789"
FAILED = Report("post-1", published=False)


def answered(status: int | None, **values: Any) -> Verdict:
    return read_reply(Reply("answered", NOW, status, **values), NOW)


def reported(*, earlier: bool = False, **values: Any) -> Verdict:
    return read_report(replace(FAILED, **values), earlier_may_be_out=earlier)


def test_the_outcomes_are_the_stored_values():
    assert [str(outcome) for outcome in Outcome] == [
        "accepted",
        "published",
        "not_sent",
        "transient",
        "permanent",
        "reconnect",
        "already_there",
        "unknown",
    ]


def test_known_not_out_has_only_refusals_and_not_sent():
    assert set(KNOWN_NOT_OUT) == {Outcome.NOT_SENT, Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.RECONNECT}


# n8n's answers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_answer_is_accepted_not_published(status: int):
    assert answered(status, body="{}", retry_after="10") == Verdict(Outcome.ACCEPTED, http_status=status)


@pytest.mark.parametrize(
    ("statuses", "outcome", "code", "alert"),
    [
        ((524,), Outcome.UNKNOWN, "outcome_unknown", None),
        ((401, 403), Outcome.TRANSIENT, "publisher_refuses_us", "publisher_refuses_us"),
        ((404, 405, 410), Outcome.TRANSIENT, "workflow_inactive", "workflow_inactive"),
        ((300, 301, 302, 304, 307, 308, 399), Outcome.TRANSIENT, "workflow_inactive", "workflow_inactive"),
        ((408, 425, 429), Outcome.TRANSIENT, "publisher_busy", None),
        ((400, 402, 406, 409, 413, 415, 422, 451, 499), Outcome.PERMANENT, "rejected_by_publisher", None),
        ((500, 502, 503, 504, 520, 522, 523, 525, 599), Outcome.TRANSIENT, "publisher_error", None),
        ((100, 199, 600, 999), Outcome.TRANSIENT, "publisher_error", None),
    ],
)
def test_outcome_of_each_http_status(statuses: tuple[int, ...], outcome: Outcome, code: str, alert: str | None):
    for status in statuses:
        verdict = answered(status, body="no")
        assert verdict == Verdict(outcome, code, SENTENCES[code], "no", status, None, None, alert), status


def test_empty_answer_has_its_status_as_detail():
    assert answered(503).detail == "HTTP 503"
    assert answered(503, body="upstream").detail == "upstream"


def test_retry_after_is_read_from_any_refusal():
    assert answered(429, retry_after="90").retry_after == 90
    assert answered(503, retry_after="Tue, 01 Dec 2026 08:01:30 GMT").retry_after == 90
    assert answered(503, retry_after="soon").retry_after is None
    assert answered(429).retry_after is None


def test_request_that_never_left_is_not_sent():
    verdict = read_reply(Reply("not_sent", NOW, error="connection refused"), NOW)
    code = "publisher_unreachable"
    assert verdict == Verdict(Outcome.NOT_SENT, code, SENTENCES[code], "connection refused")


@pytest.mark.parametrize(
    "reply", [Reply("unknown", NOW, error="read timeout"), Reply("answered", NOW, None, error="read timeout")]
)
def test_lost_answer_is_unknown(reply: Reply):
    verdict = read_reply(reply, NOW)
    assert verdict == Verdict(Outcome.UNKNOWN, "outcome_unknown", SENTENCES["outcome_unknown"], "read timeout")


def test_request_that_may_have_arrived_is_unknown_even_with_a_status():
    assert read_reply(Reply("unknown", NOW, 200, error="cut off"), NOW).outcome is Outcome.UNKNOWN
    assert read_reply(Reply("not_sent", NOW, 200, error="refused"), NOW).outcome is Outcome.NOT_SENT


# n8n's reports


@pytest.mark.parametrize("urn", [URN, None])
def test_published_report_wins_over_its_other_fields(urn: str | None):
    report = Report("post-1", True, urn, error="REVOKED_ACCESS_TOKEN", error_code="190", http_status=401)
    for earlier in (True, False):
        verdict = read_report(report, earlier_may_be_out=earlier)
        assert verdict == Verdict(Outcome.PUBLISHED, external_id=urn)


@pytest.mark.parametrize(
    "values",
    [
        {"http_status": 401},
        {"http_status": 401, "retryable": True},
        {"error_code": "190"},
        {"error_code": " revoked_access_token ", "http_status": 400},
        {"error_code": "EXPIRED_ACCESS_TOKEN"},
        {"error_code": "INVALID_ACCESS_TOKEN", "http_status": 500},
        {"error": '401 - {"code":"REVOKED_ACCESS_TOKEN"}'},
        {"error": '{"code":"EXPIRED_ACCESS_TOKEN","message":"the token has expired"}', "http_status": 403},
        {"error_code": "INVALID_ACCESS_TOKEN", "retryable": True},
    ],
    ids=repr,
)
def test_refused_token_is_reconnect(values: dict[str, Any]):
    verdict = reported(**values)
    assert (verdict.outcome, verdict.code) == (Outcome.RECONNECT, "reconnect_required")
    assert (verdict.alert, verdict.message) == ("reconnect_required", SENTENCES["reconnect_required"])
    assert (verdict.detail, verdict.http_status) == (values.get("error", ""), values.get("http_status"))


@pytest.mark.parametrize("text", ["190 characters too many", "post 1190 failed", "line 190: timeout"])
def test_number_inside_a_text_is_not_a_code(text: str):
    assert reported(error=text, http_status=500).outcome is Outcome.TRANSIENT


DUPLICATES = [
    {"error_code": "DUPLICATE_POST"},
    {"error_code": " duplicate_post ", "http_status": 422},
    {"error_code": "506", "http_status": 400},
    {"error_code": "506", "http_status": 401},
    {"http_status": 422, "error": '{"code":"DUPLICATE_POST"}', "retryable": True},
]


@pytest.mark.parametrize("values", DUPLICATES, ids=repr)
def test_duplicate_after_an_unknown_attempt_is_already_there(values: dict[str, Any]):
    verdict = reported(earlier=True, external_id=URN, **values)
    assert (verdict.outcome, verdict.external_id, verdict.code) == (Outcome.ALREADY_THERE, URN, None)
    assert (verdict.detail, verdict.http_status) == (values.get("error", ""), values.get("http_status"))


@pytest.mark.parametrize("values", DUPLICATES, ids=repr)
def test_duplicate_without_an_unknown_attempt_is_permanent(values: dict[str, Any]):
    verdict = reported(external_id=URN, **values)
    assert (verdict.outcome, verdict.code, verdict.external_id) == (Outcome.PERMANENT, "duplicate_content", None)


@pytest.mark.parametrize("kind", ["share", "ugcPost", "activity", "post"])
def test_external_id_is_the_first_urn_in_the_text(kind: str):
    text = f"Content is a duplicate of urn:li:{kind}:71-a_B, not urn:li:share:2. By urn:li:person:9"
    verdict = reported(earlier=True, error=text, error_code="DUPLICATE_POST", http_status=422)
    assert verdict.external_id == f"urn:li:{kind}:71-a_B"


def test_reported_external_id_wins_over_the_text():
    given: dict[str, Any] = {"earlier": True, "error_code": "DUPLICATE_POST"}
    assert reported(**given, external_id=URN, error="of urn:li:share:2").external_id == URN
    assert reported(**given, error="of urn:li:person:2").external_id is None


def test_duplicate_code_in_an_old_workflows_text_is_recognised():
    """An old workflow reports the platform's answer as one text, without code, status and attempt."""
    text = f'422 - {{"code":"DUPLICATE_POST","message":"Content is a duplicate of {URN}"}}'
    verdict = reported(earlier=True, error=text)
    assert (verdict.outcome, verdict.external_id) == (Outcome.ALREADY_THERE, URN)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 413, 422, 499])
def test_a_4xx_of_the_platform_is_permanent(status: int):
    verdict = reported(http_status=status, error="no")
    code = "rejected_by_platform"
    assert verdict == Verdict(Outcome.PERMANENT, code, SENTENCES[code], "no", status)


@pytest.mark.parametrize("status", [200, 302, 399, 408, 425, 500, 502, 503, 524, None])
def test_other_platform_failures_are_transient(status: int | None):
    verdict = reported(http_status=status, error="no")
    assert verdict == Verdict(Outcome.TRANSIENT, "platform_error", SENTENCES["platform_error"], "no", status)


def test_retryable_wins_over_the_status():
    assert reported(http_status=400, retryable=True).outcome is Outcome.TRANSIENT
    assert reported(http_status=500, retryable=False).outcome is Outcome.PERMANENT
    assert reported(retryable=False).outcome is Outcome.PERMANENT
    assert reported(error_code="VALIDATION_ERROR", retryable=True).outcome is Outcome.TRANSIENT


@pytest.mark.parametrize("code", ["validation_error", " VALIDATION ", "schema.validation-failed"])
def test_validation_code_without_a_status_is_permanent(code: str):
    assert reported(error_code=code).outcome is Outcome.PERMANENT
    assert reported(error_code=code, http_status=503).outcome is Outcome.TRANSIENT


# Sentences, raw text, policy


def test_every_code_that_a_verdict_can_carry_has_a_sentence():
    codes = {answered(status).code for status in range(100, 1000)} | {reported(http_status=s).code for s in (401, 500)}
    assert codes - {None} <= set(SENTENCES)
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in SENTENCES.values())


@pytest.mark.parametrize("code", sorted(EXPLANATIONS))
def test_every_sentence_for_an_author_comes_with_its_cure(code: str):
    explanation = EXPLANATIONS[code]
    assert SENTENCES[code] == f"{explanation.sentence} {explanation.cure}"
    assert all(part.endswith(".") and part[0].isupper() for part in (explanation.sentence, explanation.cure))


def test_raw_text_is_truncated_and_storable():
    assert MAX_ERROR_TEXT == 1_000
    assert mask_and_truncate("a" * 1_000) == "a" * 1_000
    assert mask_and_truncate("a" * 1_001) == "a" * 1_000
    assert mask_and_truncate("a\0b\ud800c") == "ab?c"
    assert answered(500, body="x" * 5_000).detail == "x" * 1_000
    assert reported(error="x" * 5_000, http_status=500).detail == "x" * 1_000
    assert read_reply(Reply("not_sent", NOW, error="\0" * 5_000), NOW).detail == ""


@pytest.mark.parametrize(
    ("policy", "refuses_duplicates", "hold"),
    [
        ("auto", True, False),
        ("auto", False, True),
        ("retry", True, False),
        ("retry", False, False),
        ("hold", True, True),
        ("hold", False, True),
    ],
)
def test_must_hold_by_policy_and_platform(policy: UnknownOutcomePolicy, refuses_duplicates: bool, hold: bool):
    assert must_hold(policy, refuses_duplicates) is hold
