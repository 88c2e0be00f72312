"""A report of n8n in any form: only `postId` and `status` can refuse it."""

import json
import uuid
from typing import Any

import pytest

from tests.web.site import Site, User, json_of

REPORT = "/api/webhooks/publish-status"
URN = "urn:li:share:7"
FIELDS = ("errorMessage", "errorCode", "httpStatus", "retryable", "attempt", "externalPostId", "any")


def report(site: Site, post: dict[str, Any], **fields: Any) -> Any:
    return site.n8n.post(REPORT, json={"postId": post["id"], **fields})


YES: list[object] = [True, "true", " True ", 1]
NO: list[object] = [False, "false", "FALSE\n", 0]
NEITHER: list[object] = [None, "", "yes", "1", "undefined", 2, -1, 1.0, 0.5, [], [True], {}, {"a": 1}]
NEITHER += ["\0", "\ud800", 2**63, "0", "None"]


@pytest.mark.parametrize("http_status", [400, 503])
def test_retryable_in_a_report_decides(site: Site, alice: User, http_status: int):
    by_status = "failed" if http_status == 400 else "scheduled"
    for values, status in ((YES, "scheduled"), (NO, "failed"), (NEITHER, by_status)):
        for value in values:
            answer = report(site, site.sent(alice), status="failed", httpStatus=http_status, retryable=value)
            assert json_of(answer)["status"] == status, value


NO_STATUS: list[object] = [-1, 0, 99, 1000, 2**31, 2**63, 10**300, 1e300, 401.0, "", "Unauthorized", "401 no", "-401"]
NO_STATUS += ["4\u0660\u0661", "401\0", "\ud800", None, True, [401], {"code": 401}, float("inf"), float("nan")]


def test_invalid_http_status_in_a_report_is_ignored(site: Site, alice: User):
    for value in NO_STATUS:
        post = site.sent(alice)
        answer = json_of(report(site, post, status="failed", httpStatus=value))
        assert answer == {"received": True, "applied": True, "status": "scheduled"}, value
    for value in ("400", " 400 "):
        assert json_of(report(site, site.sent(alice), status="failed", httpStatus=value))["status"] == "failed", value


NO_ATTEMPT: list[object] = ["", " ", "undefined", "null", None, 0, "0", -1, "-1", 1.5, 2.0, "1.5", True, False, [], [1]]
NO_ATTEMPT += [{}, {"attempt": 1}, 2**63, 10**300, "9" * 300, float("nan")]
NO_ATTEMPT += ["\u0661", "\0", "\ud800"]


@pytest.mark.parametrize("status", ["published", "failed"])
def test_report_with_no_usable_attempt_is_applied_to_the_latest(site: Site, alice: User, status: str):
    for attempt in NO_ATTEMPT:
        post = site.sent(alice)
        answer = json_of(report(site, post, status=status, httpStatus=400, attempt=attempt))
        assert answer == {"received": True, "applied": True, "status": status}, attempt


@pytest.mark.parametrize("attempt", [2, "2", 10**6])
def test_report_of_an_attempt_never_made_publishes_and_never_fails_the_post(site: Site, alice: User, attempt: object):
    post = site.sent(alice)
    answer = json_of(report(site, post, status="failed", httpStatus=400, attempt=attempt))
    assert answer == {"received": True, "applied": False, "status": "publishing"}
    answer = json_of(report(site, post, status="published", attempt=attempt))
    assert answer == {"received": True, "applied": True, "status": "published"}


def test_attempt_may_come_as_text(site: Site, alice: User):
    for attempt in (1, "1", " 1 "):
        assert json_of(report(site, site.sent(alice), status="published", attempt=attempt))["applied"] is True


IDS: list[tuple[object, str]] = [
    (f" {URN}\n", URN),
    (URN, URN),
    (17912345678901234, "17912345678901234"),
    ("1_2", "1_2"),
    ("x" * 255, "x" * 255),
]
NO_IDS: list[object] = ["", "  ", "undefined", "null", "None", "[object Object]", 0, "0", -1, 1.5, 1e16, True, False]
NO_IDS += [[], {}, [URN], {"id": URN}, "x" * 256, "x" * 300, "a\0b", "a b", "\ud800", "\u00e9", float("nan"), 10**300]


@pytest.mark.parametrize("field", ["linkedinPostUrn", "externalPostId"])
def test_external_id_is_read_from_text_and_numbers_else_ignored(site: Site, alice: User, field: str):
    cases: list[tuple[object, str | None]] = [*IDS, *((value, None) for value in NO_IDS)]
    for value, expected in cases:
        post = site.sent(alice)
        assert json_of(report(site, post, status="published", **{field: value}))["applied"] is True
        published = alice.read(post["id"])
        assert (published["status"], published["externalPostId"]) == ("published", expected), value


def test_unusable_urn_leaves_the_other_id(site: Site, alice: User):
    values: list[object] = ["undefined", {}, "x" * 300]
    for value in values:
        post = site.sent(alice)
        json_of(report(site, post, status="published", linkedinPostUrn=value, externalPostId=URN))
        assert alice.read(post["id"])["externalPostId"] == URN


def test_second_published_report_adds_the_missing_id(site: Site, alice: User):
    post = site.sent(alice)
    assert json_of(report(site, post, status="published"))["applied"] is True
    expected = {"received": True, "applied": True, "status": "published"}
    assert json_of(report(site, post, status="published", externalPostId=URN)) == expected
    assert json_of(report(site, post, status="published", externalPostId=URN)) == expected | {"applied": False}
    assert alice.read(post["id"])["linkedinPostUrn"] == URN


@pytest.mark.parametrize(
    ("platform", "field", "value"),
    [("linkedin", "linkedinPostUrn", URN), ("linkedin", "externalPostId", URN), ("facebook", "externalPostId", 12345)],
)
def test_failed_report_with_a_live_id_publishes(site: Site, alice: User, platform: str, field: str, value: object):
    post = site.sent(alice, platform=platform)
    answer = json_of(report(site, post, status="failed", httpStatus=503, retryable=True, **{field: value}))
    assert answer == {"received": True, "applied": True, "status": "published"}
    assert alice.read(post["id"])["externalPostId"] == str(value)


def test_failed_report_with_another_id_is_retried(site: Site, alice: User):
    for value in ("undefined", "12345", "urn:li:person:1", {"id": URN}):
        post = site.sent(alice)
        assert json_of(report(site, post, status="failed", externalPostId=value))["status"] == "scheduled", value


QUOTES = ["REVOKED_ACCESS_TOKEN", "(#190)", "DUPLICATE_POST", "DUPLICATE", "401", "validation"]


@pytest.mark.parametrize("quote", QUOTES)
def test_code_quoted_in_a_report_holds_nothing(site: Site, alice: User, quote: str):
    post = site.sent(alice)
    answer = json_of(report(site, post, status="failed", httpStatus=503, errorMessage=f"Bad gateway for: {quote}"))
    assert answer["status"] == "scheduled"
    accounts = json_of(alice.get("/api/social-accounts"))["data"]
    assert {account["status"] for account in accounts} == {"active"}


def test_error_object_of_the_platform_is_read_as_object_and_as_text(site: Site, alice: User):
    error = {"error": {"message": "no", "code": 190, "error_subcode": 463}}
    for form in (error, json.dumps(error), f"401 - {json.dumps(error)}", [error]):
        post = site.sent(alice, platform="facebook")
        json_of(report(site, post, status="failed", errorMessage=form))
        assert alice.read(post["id"])["errorCode"] == "reconnect_required", form


@pytest.mark.parametrize("value", ["9" * 300, "9" * 4_300, "9" * 5_000, "-1e999", "NaN", '"\\u0000"', '"\\ud800"'])
def test_strange_values_in_a_report_are_harmless(small_site: Site, value: str):
    more = "".join(f',"{name}":{value}' for name in FIELDS)
    body = f'{{"postId":"{uuid.uuid4()}","status":"failed"{more}}}'
    assert small_site.n8n.post(REPORT, data=body).status_code in (400, 404)


def test_deeply_nested_fields_of_a_report_are_harmless(small_site: Site):
    for depth in (50, *range(880, 1000, 3), 3_000):
        nested = "[" * depth + "]" * depth
        more = "".join(f',"{name}":{nested}' for name in FIELDS)
        body = f'{{"postId":"{uuid.uuid4()}","status":"failed"{more}}}'
        assert small_site.n8n.post(REPORT, data=body).status_code in (400, 404), depth
