"""The platforms' own codes in n8n's reports: their outcomes and explanations."""

import json

import pytest

from app.domain.explanations import EXPLANATIONS, SENTENCES
from app.domain.explanations.platform_codes import LINKEDIN, META, recognise
from app.domain.outcomes import Outcome, Report, Verdict, read_report


def read(platform: str | None, error_code: str = "", error: str = "", **fields: object) -> Verdict:
    report = Report("post", False, error=error, error_code=error_code, **fields)  # type: ignore[arg-type]
    return read_report(report, earlier_may_be_out=False, platform=platform)


def meta(code: int, subcode: int | None = None) -> str:
    error: dict[str, object] = {"message": "no", "type": "OAuthException", "code": code}
    return json.dumps({"error": error | ({"error_subcode": subcode} if subcode else {})})


def test_every_platform_code_has_an_explanation():
    assert {known.code for table in (LINKEDIN, META) for known in table.values()} <= set(EXPLANATIONS)


@pytest.mark.parametrize(
    ("codes", "outcome", "expected"),
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
def test_meta_code_is_read_in_every_form_of_a_report(codes: tuple[int, ...], outcome: Outcome, expected: str):
    for code in codes:
        inside = json.dumps({"message": f"400 - {meta(code)}"})
        forms = [("", meta(code)), (str(code), "no"), ("", inside), ("", f"400 - {meta(code)}")]
        forms += [("400", f"(#{code}) Something is wrong")] if code > 0 else []
        for error_code, error in forms:
            verdict = read("instagram", error_code, error, http_status=400)
            assert (verdict.outcome, verdict.code, verdict.message) == (outcome, expected, SENTENCES[expected]), (
                code,
                error,
            )


@pytest.mark.parametrize(
    ("code", "subcode", "expected"),
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
def test_meta_subcode_wins_over_its_code(code: int, subcode: int, expected: str):
    assert read("instagram", error=meta(code, subcode), http_status=400).code == expected
    assert read("instagram", str(code), meta(code, subcode)).code == expected


@pytest.mark.parametrize(
    ("error_code", "error", "outcome", "expected"),
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
def test_linkedin_codes_are_read(error_code: str, error: str, outcome: Outcome, expected: str):
    verdict = read("linkedin", error_code, error)
    assert (verdict.outcome, verdict.code) == (outcome, expected)


def test_number_has_the_meaning_of_its_own_platform():
    assert read("linkedin", "100").code == "permission_missing"
    assert read("facebook", "100").code == "rejected_by_platform"
    assert read("linkedin", "4", http_status=400).code == "rejected_by_platform"
    assert read("linkedin", "190").code == "reconnect_required"


def test_duplicate_wins_over_reconnect_and_reconnect_over_others():
    assert read("facebook", "190", "(#506) Duplicate").code == "duplicate_content"
    assert read("facebook", "100", "(#190) Token").code == "reconnect_required"


def test_retryable_wins_over_the_code_and_its_cure():
    again = read("instagram", "36003", retryable=True)
    assert (again.outcome, again.code) == (Outcome.TRANSIENT, "platform_error")
    never = read("instagram", "4", retryable=False)
    assert (never.outcome, never.code) == (Outcome.PERMANENT, "rejected_by_platform")
    assert read("instagram", "36003", retryable=False).code == "aspect_ratio_not_supported"


def test_status_429_is_platform_busy():
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
def test_unknown_number_is_not_a_code(text: str):
    assert recognise("facebook", "", text) is None
