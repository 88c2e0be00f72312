"""Failure reports: prose never outvotes a status or a code, and the platform's own id proves the post to be out."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.explanations import SENTENCES
from app.domain.outcomes import Outcome, Report, Verdict
from app.domain.reports import SendWindow, read_report
from tests.support.fakes import urn_at

NOW = datetime(2026, 12, 1, 8, 0, 0, tzinfo=UTC)
URN = urn_at(NOW)
WINDOW = SendWindow(NOW, NOW, earlier=True)
FAILED = Report("post-1", published=False)

QUOTED = [
    *("REVOKED_ACCESS_TOKEN", "EXPIRED_ACCESS_TOKEN: the token has expired", "(#190) token", "(#506) Duplicate status"),
    *("DUPLICATE_POST", f"Content is a duplicate of {URN}", "401", "401 Unauthorized", "422 - DUPLICATE_POST", "65601"),
    *("Field VALIDATION failed", '"code":190', 'Post "{"code":"REVOKED_ACCESS_TOKEN"}" failed', "ACCESS_DENIED (#10)"),
    *('{"message":"REVOKED_ACCESS_TOKEN (#190)"}', '{"message":"quoted: {\\"code\\":190}","status":503}'),
    *('{"message":"{\\"code\\":\\"DUPLICATE_POST\\"}"}', '{"content":{"code":190},"request":{"code":"506"}}'),
    *('{"error":{"message":"busy","error_user_msg":"(#190)"}}', '503 - {"code":"REVOKED_ACCESS_TOKEN"', '"190"', "190"),
]


@pytest.mark.parametrize("platform", [None, "linkedin", "facebook", "instagram"])
@pytest.mark.parametrize("text", QUOTED)
def test_code_quoted_in_prose_changes_no_outcome(text: str, platform: str | None):
    for status, outcome in ((503, Outcome.UNKNOWN), (None, Outcome.UNKNOWN), (422, Outcome.PERMANENT)):
        report = replace(FAILED, error=text, http_status=status)
        verdict = read_report(report, window=WINDOW, platform=platform)
        code = "rejected_by_platform" if status == 422 else "outcome_unknown"
        assert verdict == Verdict(outcome, code, SENTENCES[code], text, status), status


@pytest.mark.parametrize("code", ["Field VALIDATION failed", "the token (#190)", "DUPLICATE_POST of mine", "x506"])
def test_prose_in_the_error_code_is_no_code(code: str):
    for status in (503, None):
        report = replace(FAILED, error_code=code, http_status=status)
        assert read_report(report, window=WINDOW).outcome is Outcome.UNKNOWN


LIVE = [("linkedin", URN), ("linkedin", "urn:li:ugcPost:7"), ("facebook", "123_456"), ("facebook", "12345")]
LIVE += [("instagram", "17912345678901234")]


@pytest.mark.parametrize(("platform", "external_id"), LIVE)
@pytest.mark.parametrize(
    "values", [{}, {"http_status": 503}, {"http_status": 401}, {"error_code": "190"}, {"retryable": True}], ids=repr
)
def test_failure_with_the_platforms_id_is_published(platform: str, external_id: str, values: dict[str, Any]):
    report = replace(FAILED, external_id=external_id, error="comment failed", **values)
    status = values.get("http_status")
    verdict = read_report(report, platform=platform)
    expected = Verdict(Outcome.PUBLISHED, detail="comment failed", http_status=status, external_id=external_id)
    assert verdict == expected


@pytest.mark.parametrize(
    ("platform", "external_id"),
    [
        ("linkedin", "7123456789"),
        ("linkedin", "urn:li:person:7"),
        ("linkedin", "urn:li:image:C5"),
        ("linkedin", f"{URN} "),
        ("linkedin", f"see {URN}"),
        ("facebook", URN),
        ("facebook", "123_"),
        ("facebook", "0"),
        ("facebook", "1_2_3"),
        ("instagram", "abc"),
        ("instagram", "9" * 300),
        ("instagram", "\u0661\u0662"),
        (None, URN),
        (None, "123"),
    ],
)
def test_failure_with_another_id_stays_a_failure(platform: str | None, external_id: str):
    report = replace(FAILED, external_id=external_id, http_status=503)
    verdict = read_report(report, platform=platform)
    assert (verdict.outcome, verdict.external_id) == (Outcome.UNKNOWN, None)
