"""JSON numbers of any length: only their own field is wrong, and no number refuses a whole body."""

import pytest

from tests.web.site import Site, json_of, refused
from tests.web.test_bad_input import JSON

HUGE = ["9" * 5_000, "-" + "9" * 5_000, "9" * 200_000]


@pytest.mark.parametrize("number", HUGE, ids=["5000", "negative", "200000"])
@pytest.mark.parametrize("field", ["content", "platform", "media", "imageUrl", "clientId", "unknown"])
def test_huge_number_in_a_users_body_names_its_field(small_site: Site, field: str, number: str):
    body = f'{{"content": "x", "{field}": {number}}}'
    problem = refused(small_site.user("alice").post("/api/posts", data=body, headers=JSON), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert len(str(problem)) < 1_000


def test_huge_number_as_fold_is_refused(small_site: Site):
    alice = small_site.user("alice")
    body = f'{{"scheduledAt": "2026-12-01T08:00:00Z", "fold": {HUGE[0]}}}'
    answer = alice.post(f"/api/posts/{alice.draft()['id']}/schedule", data=body, headers=JSON)
    assert [error["field"] for error in refused(answer, 422, "invalid_fields")["errors"]] == ["fold"]


@pytest.mark.parametrize("number", HUGE, ids=["5000", "negative", "200000"])
@pytest.mark.parametrize(
    "field",
    ["error", "errorMessage", "errorCode", "httpStatus", "retryable", "attempt", "linkedinPostUrn", "other", "nested"],
)
def test_huge_number_refuses_no_report(site: Site, field: str, number: str):
    alice = site.user("alice")
    post = site.sent(alice)
    value = f'{{"deep": [{number}]}}' if field == "nested" else number
    body = f'{{"postId": "{post["id"]}", "status": "published", "{field}": {value}}}'
    answer = json_of(site.n8n.post("/api/webhooks/publish-status", data=body, headers=JSON))
    assert (answer["applied"], answer["status"]) == (True, "published")


@pytest.mark.parametrize("field", ["postId", "status"])
def test_huge_number_as_a_reports_own_field_is_refused(small_site: Site, field: str):
    values = {"postId": '"x"', "status": '"failed"'} | {field: HUGE[0]}
    body = f'{{"postId": {values["postId"]}, "status": {values["status"]}}}'
    answer = small_site.n8n.post("/api/webhooks/publish-status", data=body, headers=JSON)
    assert field in [error["field"] for error in refused(answer, 422, "invalid_fields")["errors"]]


def test_huge_generation_in_a_message_is_malformed(small_site: Site):
    body = f'{{"postId": "0c5f3d5e-0000-4000-8000-000000000000", "generation": {HUGE[0]}}}'
    refused(small_site.signed("/api/posts/dispatch", body.encode()), 489, "malformed_message")
