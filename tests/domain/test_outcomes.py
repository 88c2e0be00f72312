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
    Verdict,
    mask_and_truncate,
    read_reply,
)
from app.domain.ports import Reply
from app.domain.reports import read_report

NOW = datetime(2026, 12, 1, 8, 0, 0, tzinfo=UTC)
URN = "urn:li:share:7123456789"
FAILED = Report("post-1", published=False)


def answered(status: int | None, **values: Any) -> Verdict:
    return read_reply(Reply("answered", NOW, status, **values), NOW)


def reported(*, granted: bool = False, **values: Any) -> Verdict:
    return read_report(replace(FAILED, **values), granted=granted)


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
        ((504, 520, 521, 522, 523, 524, 525, 526, 527), Outcome.UNKNOWN, "outcome_unknown", None),
        ((100, 102, 103, 199, 561, 598, 599, 600, 999), Outcome.UNKNOWN, "outcome_unknown", None),
        ((401, 402, 403, 407, 511), Outcome.TRANSIENT, "publisher_refuses_us", "publisher_refuses_us"),
        ((404, 405, 410, 421, 426), Outcome.TRANSIENT, "workflow_inactive", "workflow_inactive"),
        ((300, 301, 302, 304, 307, 308, 399), Outcome.TRANSIENT, "workflow_inactive", "workflow_inactive"),
        ((408, 425, 429), Outcome.TRANSIENT, "publisher_busy", None),
        ((400, 413, 422), Outcome.PERMANENT, "rejected_by_publisher", None),
        ((406, 409, 411, 415, 423, 431, 451, 499), Outcome.TRANSIENT, "publisher_error", None),
        ((500, 501, 502, 503, 507, 508, 530), Outcome.TRANSIENT, "publisher_error", None),
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


def test_request_that_cannot_leave_before_an_operator_mends_it_raises_an_alert():
    verdict = read_reply(Reply("not_sent", NOW, error="no such name", misconfigured=True), NOW)
    assert (verdict.outcome, verdict.alert) == (Outcome.NOT_SENT, "publisher_address_wrong")


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
    assert read_report(report) == Verdict(Outcome.PUBLISHED, external_id=urn)


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
    assert reported(error=text, http_status=429).outcome is Outcome.TRANSIENT


@pytest.mark.parametrize("status", [400, 402, 403, 404, 410, 413, 422, 451])
def test_a_4xx_of_the_platform_is_permanent(status: int):
    verdict = reported(http_status=status, error="no")
    code = "rejected_by_platform"
    assert verdict == Verdict(Outcome.PERMANENT, code, SENTENCES[code], "no", status)


@pytest.mark.parametrize("status", [409, 423, 425, 426, 429])
def test_refusal_for_the_moment_is_transient(status: int):
    verdict = reported(http_status=status, error="no")
    code = "platform_busy" if status == 429 else "platform_error"
    assert verdict == Verdict(Outcome.TRANSIENT, code, SENTENCES[code], "no", status)
    assert reported(http_status=status, granted=True) == reported(http_status=status)


@pytest.mark.parametrize("status", [None, 0, 200, 201, 302, 399, 408, 499, 500, 501, 502, 503, 504, 524, 599, 999])
def test_failure_that_proves_nothing_is_unknown(status: int | None):
    for granted in (False, True):
        verdict = reported(http_status=status, error="no", granted=granted)
        assert verdict == Verdict(Outcome.UNKNOWN, "outcome_unknown", SENTENCES["outcome_unknown"], "no", status)


TIMEOUTS = ["ETIMEDOUT", "ECONNRESET", "ESOCKETTIMEDOUT", "ECONNABORTED", "EPIPE", "UND_ERR_HEADERS_TIMEOUT"]
TIMEOUTS += ["ERR_CANCELED", "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "TimeoutError", "timeout", "NodeApiError"]


@pytest.mark.parametrize("code", TIMEOUTS)
def test_network_error_of_the_workflow_is_unknown(code: str):
    for values in ({}, {"http_status": 500}, {"granted": True}):
        assert reported(error_code=code, **values).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("429", "transient"), ("400", "permanent"), ("401", "reconnect"), ("503", "unknown"), ("504", "unknown")],
)
def test_status_reported_as_error_code_is_read_as_the_status(code: str, outcome: str):
    assert reported(error_code=code).outcome == outcome


def test_retryable_wins_over_the_status():
    assert reported(http_status=400, retryable=True).outcome is Outcome.TRANSIENT
    assert reported(http_status=500, retryable=True).outcome is Outcome.TRANSIENT
    assert reported(http_status=500, retryable=False).outcome is Outcome.PERMANENT
    assert reported(retryable=False).outcome is Outcome.PERMANENT
    assert reported(error_code="VALIDATION_ERROR", retryable=True).outcome is Outcome.TRANSIENT


REFUSALS = [{"http_status": 400}, {"http_status": 403}, {"http_status": 429}, {"error_code": "TOO_MANY_REQUESTS"}]
REFUSALS += [{"error_code": "VALIDATION_ERROR"}, {"error_code": "190"}, {"retryable": False}]


@pytest.mark.parametrize("values", REFUSALS, ids=repr)
def test_definite_refusal_after_a_granted_claim_stays_one(values: dict[str, Any]):
    assert reported(granted=True, **values) == reported(**values)
    assert reported(**values).outcome in KNOWN_NOT_OUT


@pytest.mark.parametrize(
    "values", [{}, {"http_status": 500}, {"error_code": "ETIMEDOUT"}, {"error_code": "2"}], ids=repr
)
def test_retryable_after_a_granted_claim_proves_nothing(values: dict[str, Any]):
    assert reported(retryable=True, **values).outcome is Outcome.TRANSIENT
    assert reported(retryable=True, granted=True, **values).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("code", ["validation_error", " VALIDATION ", "schema.validation-failed"])
def test_validation_code_without_a_status_is_permanent(code: str):
    assert reported(error_code=code).outcome is Outcome.PERMANENT
    assert reported(error_code=code, http_status=503).outcome is Outcome.UNKNOWN


# Sentences and raw text


def test_every_code_that_a_verdict_can_carry_has_a_sentence():
    codes = {answered(status).code for status in range(100, 1000)} | {
        reported(http_status=s).code for s in (401, 429, 500)
    }
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
