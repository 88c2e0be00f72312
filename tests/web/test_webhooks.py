"""n8n's reports: authenticated, applied once, and accepted in every form of a workflow."""

import json
import uuid
from typing import Any

import pytest

from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, MINUTE, Caller, Site, User, json_of, refused

REPORT, CLAIM = "/api/webhooks/publish-status", "/api/webhooks/claim"
SECRET = SECRETS["n8n_callback_secret"]
URN = "urn:li:share:7"


def report(site: Site, post: dict[str, Any], **fields: Any) -> Any:
    return site.n8n.post(REPORT, json={"postId": post["id"], **fields})


@pytest.mark.parametrize("path", [REPORT, CLAIM])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {SECRET}x"},
        {"Authorization": f"Bearer {SECRET[:-1]}"},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": SECRET},
        {"Authorization": "Bearer \xff"},
        {"X-Callback-Secret": "wrong"},
        {"X-Callback-Secret": ""},
        {"X-Callback-Secret": f"Bearer {SECRET}"},
        {"Authorization": f"Bearer {SECRETS['cron_secret']}"},
    ],
    ids=[
        *("none", "longer", "shorter", "basic", "bare", "latin", "other", "empty", "bearer-in-header", "crons"),
    ],
)
def test_report_needs_the_callback_secret(small_site: Site, path: str, headers: dict[str, str]):
    refused(Caller(small_site.client, headers).post(path, data=b"{"), 401, "unauthorized")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {SECRET}"},
        {"Authorization": f"bearer  {SECRET}"},
        {"X-Callback-Secret": SECRET},
        {"X-Callback-Secret": SECRET, "Authorization": "Basic x"},
    ],
    ids=["bearer", "lower-case", "header", "header-beside-other"],
)
def test_callback_secret_is_accepted_as_bearer_or_header(small_site: Site, headers: dict[str, str]):
    body = {"postId": str(uuid.uuid4()), "status": "published"}
    refused(Caller(small_site.client, headers).post(REPORT, json=body), 404, "post_not_found")


@pytest.mark.parametrize("path", [REPORT, CLAIM])
def test_report_route_without_a_secret_is_closed(sqlite_url: str, make_site: MakeSite, path: str):
    site = make_site(sqlite_url, n8n_callback_secret=None)
    answer = site.n8n.post(path, json={})
    refused(answer, 503, "not_configured")
    assert "N8N" not in answer.get_data(as_text=True)
    assert site.events("not_configured")[0]["setting"] == "N8N_CALLBACK_SECRET"


@pytest.mark.parametrize("field", ["linkedinPostUrn", "externalPostId"])
def test_a_report_publishes_once_and_a_replay_changes_nothing(site: Site, alice: User, field: str):
    post = site.sent(alice)
    assert json_of(report(site, post, status="published", **{field: URN})) == {
        "received": True,
        "applied": True,
        "status": "published",
    }
    published = alice.read(post["id"])
    assert (published["status"], published["linkedinPostUrn"]) == ("published", URN)
    site.clock.at += MINUTE
    for replay in ({"status": "published", field: URN}, {"status": "failed", "error": "late"}):
        answer = {"received": True, "applied": False, "status": "published"}
        assert json_of(report(site, post, **replay)) == answer
    assert alice.read(post["id"]) == published


def test_second_published_report_raises_an_alert_and_keeps_the_first_id(site: Site, alice: User):
    post = site.sent(alice)
    json_of(report(site, post, status="published", linkedinPostUrn=URN))
    again = json_of(report(site, post, status="published", linkedinPostUrn="urn:li:share:8"))
    assert again == {"received": True, "applied": False, "status": "published"}
    assert alice.read(post["id"])["linkedinPostUrn"] == URN
    counts = {alert["kind"]: alert["count"] for alert in json_of(site.anonymous.get("/api/scheduler/status"))["alerts"]}
    assert counts["duplicate_publish"] == 1


def test_a_post_on_another_platform_has_no_linkedin_urn(site: Site, alice: User):
    post = site.sent(alice, platform="facebook")
    json_of(report(site, post, status="published", externalPostId="123_456"))
    published = alice.read(post["id"])
    assert (published["externalPostId"], published["linkedinPostUrn"]) == ("123_456", None)


ERRORS: list[object] = ["text", "", {"message": "no", "code": 7}, ["a", {"b": None}], 404, 0, 1.5, True]
ERRORS += ["a\0b", "\ud800", "x" * 100_000, {"a\0": "\ud800"}]


@pytest.mark.parametrize("field", ["error", "errorMessage", "errorCode"])
def test_errors_may_come_as_text_numbers_or_objects(site: Site, alice: User, field: str):
    for error in ERRORS:
        post = site.sent(alice)
        answer = json_of(report(site, post, status="failed", httpStatus=400, **{field: error}))
        assert answer == {"received": True, "applied": True, "status": "failed"}
        [attempt] = alice.timeline(post["id"])["attempts"]
        assert (attempt["outcome"], attempt["httpStatus"]) == ("permanent", 400)
        assert len(attempt["error"] or "") <= 1000
        failed = alice.read(post["id"])
        assert failed["errorCode"] == "rejected_by_platform"
        assert "{" not in failed["errorMessage"]


def test_transient_failure_is_retried(site: Site, alice: User):
    post = site.sent(alice)
    assert json_of(report(site, post, status="failed", httpStatus=503))["status"] == "scheduled"
    waiting = alice.read(post["id"])
    assert (waiting["retryCount"], waiting["armed"], waiting["scheduledAt"]) == (1, True, post["scheduledAt"])
    assert waiting["nextAttemptAt"] > post["scheduledAt"]


def test_report_of_an_unsent_post_is_refused(site: Site, alice: User):
    for post in (alice.draft(), alice.scheduled()):
        for status in ("published", "failed"):
            refused(report(site, post, status=status), 409, "never_sent")
        assert alice.read(post["id"]) == post


@pytest.mark.parametrize("bad", ["x", "7", "\u00e9" * 36, "0" * 64])
def test_report_of_an_unknown_post_answers_404(small_site: Site, bad: str):
    for post_id, code in ((str(uuid.uuid4()), "post_not_found"), (bad, "not_found")):
        refused(small_site.n8n.post(REPORT, json={"postId": post_id, "status": "published"}), 404, code)
    refused(small_site.n8n.post(CLAIM, json={"postId": bad, "attempt": 1}), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": "published"}, "postId"),
        ({"postId": 7, "status": "published"}, "postId"),
        ({"postId": "x" * 65, "status": "published"}, "postId"),
        ({"postId": "x"}, "status"),
        ({"postId": "x", "status": "done"}, "status"),
        ({"postId": "x", "status": None}, "status"),
        ({"postId": "x\0", "status": "published"}, "postId"),
    ],
    ids=lambda value: str(value)[:50] if isinstance(value, dict) else "",
)
def test_invalid_report_names_its_field(small_site: Site, body: dict[str, Any], field: str):
    problem = refused(small_site.n8n.post(REPORT, json=body), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_additional_fields_of_a_workflow_are_ignored(site: Site, alice: User):
    post = site.sent(alice)
    extra = {"workflow": {"id": 7}, "executionId": "9", "\ud800": 1}
    assert json_of(report(site, post, status="published", **extra))["applied"] is True


def test_an_execution_may_publish_an_attempt_once(site: Site, alice: User):
    post = site.sent(alice)
    body = {"postId": post["id"], "attempt": post["attempt"]}
    json_of(site.n8n.post(CLAIM, json=body))
    for _ in range(2):
        refused(site.n8n.post(CLAIM, json=body), 409, "already_claimed")
    refused(site.n8n.post(CLAIM, json=body | {"attempt": 2}), 409, "already_claimed")
    refused(site.n8n.post(CLAIM, json=body | {"postId": str(uuid.uuid4())}), 409, "already_claimed")


def test_finished_attempt_cannot_be_claimed(site: Site, alice: User):
    body = {"postId": site.sent(alice)["id"], "attempt": 1}
    site.clock.at += HOUR
    refused(site.n8n.post(CLAIM, json=body), 409, "already_claimed")


@pytest.mark.parametrize("attempt", [None, "", "one", [], {}, True, 0, -1, 10**30], ids=ascii)
def test_claim_needs_an_attempt(small_site: Site, attempt: object):
    body = json.dumps({"postId": str(uuid.uuid4()), "attempt": attempt})
    problem = refused(small_site.n8n.post(CLAIM, data=body), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == ["attempt"]
