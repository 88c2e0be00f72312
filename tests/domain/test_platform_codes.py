"""The platforms' own codes, as n8n passes them on, read into what an author is told and what follows."""

import json

import pytest

from app.domain.explanations import EXPLANATIONS, SENTENCES
from app.domain.explanations.platform_codes import LINKEDIN, META, recognise
from app.domain.outcomes import Outcome, Report, Verdict, read_report


def read(platform: str | None, error_code: str = "", error: str = "", **said: object) -> Verdict:
    report = Report("post", False, error=error, error_code=error_code, **said)  # type: ignore[arg-type]
    return read_report(report, earlier_may_be_out=False, platform=platform)


def meta(code: int, subcode: int | None = None) -> str:
    error: dict[str, object] = {"message": "no", "type": "OAuthException", "code": code}
    return json.dumps({"error": error | ({"error_subcode": subcode} if subcode else {})})


def test_every_code_of_a_platform_leads_to_an_explanation():
    assert {known.code for table in (LINKEDIN, META) for known in table.values()} <= set(EXPLANATIONS)


@pytest.mark.parametrize(
    ("codes", "outcome", "told"),
    [
        ((102, 190), Outcome.RECONNECT, "reconnect_required"),
        ((506,), Outcome.PERMANENT, "duplicate_content"),
        ((-1, 1, 2), Outcome.TRANSIENT, "platform_error"),
        ((4, 17, 32, 341, 613), Outcome.TRANSIENT, "platform_busy"),
        ((3, 10, 200, 250, 299), Outcome.PERMANENT, "permission_missing"),
        ((100,), Outcome.PERMANENT, "rejected_by_platform"),
        ((368,), Outcome.PERMANENT, "blocked_by_platform"),
        ((9,), Outcome.PERMANENT, "daily_limit_reached"),
        ((25,), Outcome.PERMANENT, "account_restricted"),
        ((9004,), Outcome.PERMANENT, "media_not_fetched"),
        ((9007, -2), Outcome.TRANSIENT, "media_not_ready"),
        ((36000,), Outcome.PERMANENT, "image_too_large"),
        ((36001,), Outcome.PERMANENT, "image_format_not_supported"),
        ((36003,), Outcome.PERMANENT, "aspect_ratio_not_supported"),
        ((36004,), Outcome.PERMANENT, "text_too_long"),
        ((352,), Outcome.PERMANENT, "video_format_not_supported"),
    ],
)
def test_a_code_of_metas_is_read_however_the_workflow_passes_it_on(codes: tuple[int, ...], outcome: Outcome, told: str):
    for code in codes:
        inside = json.dumps({"message": f"400 - {meta(code)}"})
        forms = [("", meta(code)), (str(code), "no"), ("", inside), ("", f"400 - {meta(code)}")]
        forms += [("400", f"(#{code}) Something is wrong")] if code > 0 else []
        for error_code, error in forms:
            verdict = read("instagram", error_code, error, http_status=400)
            assert (verdict.outcome, verdict.code, verdict.message) == (outcome, told, SENTENCES[told]), (code, error)


@pytest.mark.parametrize(
    ("code", "subcode", "told"),
    [
        (4, 2207051, "blocked_by_platform"),
        (1, 2207057, "rejected_by_platform"),
        (-2, 2207020, "platform_error"),
        (-2, 2207003, "media_not_ready"),
        (24, 2207006, "platform_error"),
        (24, 2207008, "platform_error"),
        (100, 2207028, "carousel_size"),
        (100, 2207040, "too_many_tags"),
        (100, 2207023, "rejected_by_platform"),
        (190, 463, "reconnect_required"),
    ],
)
def test_a_subcode_says_more_than_its_code(code: int, subcode: int, told: str):
    assert read("instagram", error=meta(code, subcode), http_status=400).code == told
    assert read("instagram", str(code), meta(code, subcode)).code == told


@pytest.mark.parametrize(
    ("error_code", "error", "outcome", "told"),
    [
        ("REVOKED_ACCESS_TOKEN", "", Outcome.RECONNECT, "reconnect_required"),
        ("", '{"serviceErrorCode":65601,"status":401}', Outcome.RECONNECT, "reconnect_required"),
        ("EMPTY_ACCESS_TOKEN", "", Outcome.RECONNECT, "reconnect_required"),
        ("", '403 - {"code":"ACCESS_DENIED"}', Outcome.PERMANENT, "permission_missing"),
        ("100", "Not enough permissions to access", Outcome.PERMANENT, "permission_missing"),
        ("", '{"serviceErrorCode":100}', Outcome.PERMANENT, "permission_missing"),
        ("TOO_MANY_REQUESTS", "", Outcome.TRANSIENT, "platform_busy"),
        ("FIELD_LENGTH_TOO_LONG", "", Outcome.PERMANENT, "text_too_long"),
        ("DUPLICATE_POST", "", Outcome.PERMANENT, "duplicate_content"),
    ],
)
def test_a_code_of_linkedins_is_read(error_code: str, error: str, outcome: Outcome, told: str):
    verdict = read("linkedin", error_code, error)
    assert (verdict.outcome, verdict.code) == (outcome, told)


def test_the_same_number_means_what_its_own_platform_means():
    assert read("linkedin", "100").code == "permission_missing"
    assert read("facebook", "100").code == "rejected_by_platform"
    assert read("linkedin", "4", http_status=400).code == "rejected_by_platform"
    assert read("linkedin", "190").code == "reconnect_required"


def test_a_duplicate_goes_before_the_connection_and_that_before_all_else():
    assert read("facebook", "190", "(#506) Duplicate").code == "duplicate_content"
    assert read("facebook", "100", "(#190) Token").code == "reconnect_required"


def test_a_workflow_that_sees_the_outcome_otherwise_is_believed_and_no_wrong_cure_is_given():
    again = read("instagram", "36003", retryable=True)
    assert (again.outcome, again.code) == (Outcome.TRANSIENT, "platform_error")
    never = read("instagram", "4", retryable=False)
    assert (never.outcome, never.code) == (Outcome.PERMANENT, "rejected_by_platform")
    assert read("instagram", "36003", retryable=False).code == "aspect_ratio_not_supported"


def test_a_status_of_too_many_calls_asks_for_patience():
    verdict = read(None, http_status=429)
    assert (verdict.outcome, verdict.code) == (Outcome.TRANSIENT, "platform_busy")


@pytest.mark.parametrize(
    "text",
    [
        "code 190",
        "post 190 failed",
        '"postcode":1900000000',
        "#190",
        "(# 190)",
        '"code":"190x"',
        '{"code": 1901}',
        "190",
    ],
)
def test_a_number_that_is_no_code_means_nothing(text: str):
    assert recognise("facebook", "", text) is None
