"""The platforms' own codes in n8n's reports: their outcomes and explanations."""

import json

import pytest

from app.domain.explanations import EXPLANATIONS, SENTENCES
from app.domain.explanations.platform_codes import LINKEDIN, META, recognise
from app.domain.outcomes import Outcome, Report, Verdict
from app.domain.reports import read_report


def read(platform: str | None, error_code: str = "", error: str = "", **fields: object) -> Verdict:
    report = Report("post", False, error=error, error_code=error_code, **fields)  # type: ignore[arg-type]
    return read_report(report, platform=platform)


def meta(code: int, subcode: int | None = None) -> str:
    error: dict[str, object] = {"message": "no", "type": "OAuthException", "code": code}
    return json.dumps({"error": error | ({"error_subcode": subcode} if subcode else {})})


def forwarded(body: str) -> list[str]:
    """Return the forms in which n8n hands on a platform's JSON `body`.

    Sources: request's StatusCodeError (`400 - {…}`), n8n's NodeApiError (`messages`, `context.data`), its error panel
    (`rawErrorMessage`), and its Graph API node, which spreads the error beside the status.
    """
    value, text = json.loads(body), json.dumps(f"{body}\n")
    errors: list[object] = [
        {"message": f"400 - {body}", "name": "AxiosError", "code": "ERR_BAD_REQUEST"},
        {"error": {"message": f"400 - {text}", "name": "Error"}},
        {"message": "Bad request", "name": "NodeApiError", "httpCode": "400", "context": {"data": value}},
        {"message": "Bad request", "messages": [f"400 - {body}"], "httpCode": "400"},
        {"errorMessage": "Bad request", "errorDetails": {"rawErrorMessage": [f"400 - {text}"], "httpCode": "400"}},
        {"statusCode": 400, **value.get("error", value), "headers": {"code": "1"}},
        {"response": {"status": 400, "data": value}},
        {"response": {"statusCode": 400, "body": body}},
    ]
    return [body, f" {body}\n", f"400 - {body}", f"400 - {text}", text, *map(json.dumps, errors)]


def test_every_platform_code_has_an_explanation():
    assert {known.code for table in (LINKEDIN, META) for known in table.values()} <= set(EXPLANATIONS)


@pytest.mark.parametrize(
    ("codes", "outcome", "expected"),
    [
        ((102, 190), Outcome.RECONNECT, "reconnect_required"),
        ((506,), Outcome.PERMANENT, "duplicate_content"),
        ((-1, 1, 2), Outcome.UNKNOWN, "outcome_unknown"),
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
        for error_code, error in [(str(code), "no"), *(("", form) for form in forwarded(meta(code)))]:
            verdict = read("instagram", error_code, error, http_status=400)
            assert (verdict.outcome, verdict.code, verdict.message) == (outcome, expected, SENTENCES[expected]), (
                code,
                error,
            )


@pytest.mark.parametrize(
    ("code", "subcode", "expected"),
    [
        (4, 2207051, "outcome_unknown"),
        (1, 2207057, "rejected_by_platform"),
        (-2, 2207020, "outcome_unknown"),
        (-2, 2207003, "media_not_ready"),
        (24, 2207006, "outcome_unknown"),
        (24, 2207008, "outcome_unknown"),
        (-1, 2207001, "outcome_unknown"),
        (-1, 2207032, "platform_error"),
        (-1, 2207053, "platform_error"),
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
        ("", '{"code":" revoked_access_token "}', Outcome.RECONNECT, "reconnect_required"),
        ("TOO_MANY_REQUESTS", "", Outcome.TRANSIENT, "platform_busy"),
        ("FIELD_LENGTH_TOO_LONG", "", Outcome.PERMANENT, "text_too_long"),
        ("DUPLICATE_POST", "", Outcome.PERMANENT, "duplicate_content"),
    ],
)
def test_linkedin_codes_are_read(error_code: str, error: str, outcome: Outcome, expected: str):
    verdict = read("linkedin", error_code, error)
    assert (verdict.outcome, verdict.code) == (outcome, expected)


def test_linkedin_duplicate_is_read_in_every_form_of_a_report():
    """The body is LinkedIn's own (Arisamiga/Linkedin-RSS#5), and the older one names the code at its top."""
    message = 'Content is a duplicate of urn:li:share:1, says "REVOKED_ACCESS_TOKEN"'
    details = {"inputErrors": [{"code": "DUPLICATE_POST", "description": "no"}]}
    for body in (
        {"message": message, "errorDetails": details, "status": 422},
        {"status": 422, "code": "DUPLICATE_POST", "message": message},
    ):
        for error in forwarded(json.dumps(body)):
            known = recognise("linkedin", "", error)
            assert known is not None, error
            assert known.code == "duplicate_content", error


def test_number_has_the_meaning_of_its_own_platform():
    assert read("linkedin", "100").code == "permission_missing"
    assert read("facebook", "100").code == "rejected_by_platform"
    assert read("linkedin", "4", http_status=400).code == "rejected_by_platform"
    assert read("linkedin", "190").code == "reconnect_required"


def test_duplicate_wins_over_reconnect_and_reconnect_over_others():
    assert read("facebook", "190", meta(506)).code == "duplicate_content"
    assert read("facebook", "100", meta(190)).code == "reconnect_required"


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
        "(#190) Error validating access token",
        '"code": 190',
        'Failed: {"code": 190}',
        '{"code": 190} failed',
        '190 {"code": 190}',
        '{"code": 190.0}',
        '{"code": true}',
        '{"code": [190]}',
        '{"message": "(#190)", "type": "190", "fbtrace_id": "190"}',
        '{"body": {"content": {"code": 190}}}',
        '{"context": {"request": {"body": {"code": 190}}}}',
        '{"message": "{\\"code\\": 190}"}',
    ],
)
def test_prose_and_unknown_numbers_are_not_codes(text: str):
    assert recognise("facebook", "", text) is None
    assert recognise("linkedin", "", text.replace("190", "REVOKED_ACCESS_TOKEN")) is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"error":' * 100_000,
        '{"error":' * 900 + "{}" + "}" * 900,
        "[" * 900 + "]" * 900,
        '{"code":' + "9" * 5_000 + "}",
        '{"code":"\0"}',
        '{"code":"\ud800"}',
        '"' * 65_536,
        "400 - " * 10_000,
        " " * 65_536,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_hostile_text_has_no_code(text: str):
    assert recognise("facebook", "", text) is None
