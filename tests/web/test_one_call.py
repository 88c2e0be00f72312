"""Create and schedule in one call, publish now, and duplicate: their answers, their messages and their errors."""

import datetime as dt
from typing import Any

import pytest

from tests.adapters.servers import HttpServer
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, MessageServer, Site, User, json_of, refused, wire_form

DUE = NOW + HOUR
IMAGES = [{"url": "https://cdn.example.com/a.png", "type": "image"}]


def create(user: User, status: int = 201, **fields: Any) -> dict[str, Any]:
    body = {"content": "Hello", "scheduledAt": wire_form(DUE), **fields}
    return json_of(user.post("/api/posts", json=body), status)


def rows_left(site: Site) -> tuple[int, int]:
    [(posts, transitions)] = site.rows("SELECT (SELECT count(*) FROM posts), (SELECT count(*) FROM transitions)")
    return posts, transitions


def test_one_call_creates_schedules_and_arms(site: Site, alice: User, qstash: MessageServer):
    account = alice.account()
    post = create(alice)
    assert (post["status"], post["scheduledAt"], post["generation"]) == ("scheduled", wire_form(DUE), 1)
    assert (post["messageId"], post["armed"], post["socialAccountId"]) == ("msg_1", True, account["id"])
    assert (post.pop("warnings"), post.pop("localTime")) == ([], "2026-11-02T09:00:00.000+00:00")
    assert alice.read(post["id"]) == post
    reasons = [line["reason"] for line in alice.timeline(post["id"])["transitions"]]
    assert reasons == ["created", "scheduled"]
    [sent] = qstash.published
    assert sent.json()["postId"] == post["id"]
    site.clock.at = DUE
    assert json_of(site.deliver(post)) == {"status": "dispatched"}


def test_one_call_names_the_chosen_one_of_two_local_times(site: Site):
    alice = site.user("alice", at=dt.datetime(2026, 10, 24, 8, tzinfo=dt.UTC))
    alice.account()
    clock: dict[str, Any] = {"scheduledAt": "2026-10-25T02:30:00", "timeZone": "Europe/Berlin"}
    first, second = create(alice, **clock), create(alice, **clock, fold=1)
    assert (first["scheduledAt"], second["scheduledAt"]) == ("2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z")
    assert (first["localTime"][-6:], second["localTime"][-6:]) == ("+02:00", "+01:00")
    assert first["timeZone"] == "Europe/Berlin"
    assert "ambiguous_local_time" in [warning["code"] for warning in first["warnings"]]


def test_one_call_while_the_message_service_is_down_succeeds_unarmed(alice: User, qstash: MessageServer):
    alice.account()
    qstash.down = True
    post = create(alice)
    assert (post["status"], post["armed"], post["messageId"]) == ("scheduled", False, None)
    assert [warning["code"] for warning in post["warnings"]] == ["not_armed"]


def test_one_call_warns_of_the_same_text(alice: User):
    alice.account()
    create(alice)
    codes = [warning["code"] for warning in create(alice)["warnings"]]
    assert codes == ["duplicate_text", "crowded_minute"]


def test_without_a_time_the_post_is_a_draft_without_warnings(alice: User):
    for post in (alice.draft(), alice.draft(scheduledAt=None)):
        assert post["status"] == "draft"
        assert not {"warnings", "localTime"} & set(post)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"scheduledAt": "2026-11-02T09:00:00"}, "timezone_required"),
        ({"scheduledAt": "2026-11-02T07:00:00Z"}, "schedule_in_past"),
        ({"scheduledAt": "2030-11-02T07:00:00Z"}, "schedule_too_far"),
        ({"scheduledAt": "soon"}, "invalid_time"),
        ({"scheduledAt": "2027-03-28T02:30:00", "timeZone": "Europe/Berlin"}, "nonexistent_local_time"),
        ({"timeZone": "Europe/Atlantis"}, "unknown_time_zone"),
        ({"content": "x" * 3001}, "platform_limits"),
        ({"content": " "}, "platform_limits"),
        ({"platform": "facebook"}, "account_missing"),
        ({"socialAccountId": "0c5f3d5e-0000-4000-8000-000000000000"}, "account_missing"),
        ({"companyId": "0c5f3d5e-0000-4000-8000-000000000000"}, "company_not_found"),
        ({"scheduledAt": 7}, "invalid_fields"),
        ({"scheduledAt": None, "timeZone": "Europe/Berlin"}, "invalid_fields"),
        ({"scheduledAt": None, "fold": 1}, "invalid_fields"),
        ({"fold": 2}, "invalid_fields"),
        ({"force": True}, "invalid_fields"),
    ],
)
def test_a_refused_call_leaves_no_row_and_no_message(
    site: Site, alice: User, qstash: MessageServer, fields: dict[str, object], code: str
):
    alice.account()
    body = {"content": "Hello", "scheduledAt": wire_form(DUE), **fields}
    refused(alice.post("/api/posts", json=body), 422, code)
    assert rows_left(site) == (0, 0)
    assert qstash.published == []


def test_one_call_needs_one_account_of_the_platform(site: Site, alice: User):
    accounts = [alice.account(externalId=f"urn:li:person:{number}") for number in (1, 2)]
    body = {"content": "Hello", "scheduledAt": wire_form(DUE)}
    refused(alice.post("/api/posts", json=body), 422, "account_ambiguous")
    assert rows_left(site) == (0, 0)
    assert create(alice, socialAccountId=accounts[1]["id"])["socialAccountId"] == accounts[1]["id"]


def test_one_call_above_the_quota_of_posts_leaves_no_row(database_url: str, make_site: MakeSite):
    site = make_site(database_url, quota_posts=1)
    alice = site.user("alice")
    alice.account()
    create(alice)
    problem = refused(
        alice.post("/api/posts", json={"content": "x", "scheduledAt": wire_form(DUE)}), 422, "quota_exceeded"
    )
    assert [(e["limit"], e["actual"]) for e in problem["errors"]] == [(1, 2)]
    assert rows_left(site)[0] == 1


def test_one_call_does_not_count_as_a_draft(database_url: str, make_site: MakeSite):
    alice = make_site(database_url, quota_draft_bytes=10).user("alice")
    alice.account()
    assert create(alice, content="x" * 100)["status"] == "scheduled"
    refused(alice.post("/api/posts", json={"content": "x" * 100}), 422, "quota_exceeded")


def test_one_call_again_with_its_key_gets_the_first_answer(site: Site, alice: User, qstash: MessageServer):
    alice.account()
    body, key = {"content": "Hello", "scheduledAt": wire_form(DUE)}, {"Idempotency-Key": "once"}
    first = json_of(alice.post("/api/posts", json=body, headers=key), 201)
    again = alice.post("/api/posts", json=body, headers=key)
    assert (json_of(again, 201), again.headers["Idempotency-Replayed"]) == (first, "true")
    assert len(qstash.published) == 1
    refused(alice.post("/api/posts", json=body | {"fold": 1}, headers=key), 422, "idempotency_key_reused")


def test_one_call_for_a_company_needs_an_editor(site: Site, alice: User, bob: User):
    company = alice.company(bob="viewer")
    alice.account(companyId=company)
    body = {"content": "Hello", "scheduledAt": wire_form(DUE), "companyId": company}
    refused(bob.post("/api/posts", json=body), 403, "role_insufficient")
    assert rows_left(site) == (0, 0)
    assert create(alice, companyId=company)["companyId"] == company


def test_publish_sends_now(site: Site, alice: User, qstash: MessageServer, n8n: HttpServer):
    alice.account()
    post = alice.draft()
    answer = json_of(alice.post(f"/api/posts/{post['id']}/publish"))
    assert (answer["status"], answer["scheduledAt"], answer["armed"]) == ("scheduled", wire_form(NOW), True)
    assert (answer["localTime"], answer["timeZone"], answer["warnings"]) == ("2026-11-02T08:00:00.000+00:00", None, [])
    assert json_of(site.deliver(alice.read(post["id"]))) == {"status": "dispatched"}
    assert len(n8n.seen) == 1
    [attempt] = alice.timeline(post["id"])["attempts"]
    assert attempt["trigger"] == "manual"


def test_publish_replaces_a_later_schedule(site: Site, alice: User, qstash: MessageServer):
    post = alice.scheduled(DUE)
    json_of(alice.post(f"/api/posts/{post['id']}/publish", json={}))
    assert qstash.cancelled == ["msg_1"]
    assert alice.read(post["id"])["scheduledAt"] == wire_form(NOW)
    assert json_of(site.deliver(post)) == {"status": "ignored", "reason": "stale"}


def test_publish_is_refused_where_schedule_is(site: Site, alice: User, bob: User):
    post = alice.draft(content=" ")
    refused(alice.post(f"/api/posts/{post['id']}/publish"), 422, "platform_limits")
    post = alice.draft()
    refused(alice.post(f"/api/posts/{post['id']}/publish"), 422, "account_missing")
    refused(bob.post(f"/api/posts/{post['id']}/publish"), 404, "post_not_found")
    refused(alice.post(f"/api/posts/{post['id']}/publish", json={"scheduledAt": "now"}), 422, "invalid_fields")
    refused(alice.post(f"/api/posts/{post['id']}/publish", json={"force": "yes"}), 422, "invalid_fields")
    sent = site.sent(alice)
    refused(alice.post(f"/api/posts/{sent['id']}/publish"), 409, "in_flight")


def test_publish_again_needs_force_if_the_post_may_be_out(site: Site, alice: User):
    post = site.sent(alice, platform="instagram", media=IMAGES)
    site.clock.at += HOUR
    json_of(alice.post("/api/posts/recover", json={"postId": post["id"], "action": "fail"}))
    refused(alice.post(f"/api/posts/{post['id']}/publish"), 409, "force_required")
    assert json_of(alice.post(f"/api/posts/{post['id']}/publish", json={"force": True}))["status"] == "scheduled"


def test_duplicate_is_a_draft_with_the_same_content_and_no_date(site: Site, alice: User):
    post = alice.scheduled(DUE, media=IMAGES, content="Twice")
    json_of(alice.post(f"/api/posts/{post['id']}/schedule", json={"scheduledAt": wire_form(DUE), "timeZone": "UTC"}))
    copy = json_of(alice.post(f"/api/posts/{post['id']}/duplicate"), 201)
    assert copy["id"] != post["id"]
    assert (copy["status"], copy["scheduledAt"], copy["timeZone"], copy["generation"]) == ("draft", None, None, 0)
    for field in ("content", "media", "imageUrl", "platform", "postType", "socialAccountId", "userId"):
        assert copy[field] == post[field]
    assert alice.read(copy["id"]) == copy


def test_duplicate_of_a_published_post_forgets_its_publication(site: Site, alice: User):
    post = site.sent(alice)
    report = {"postId": post["id"], "status": "published", "linkedinPostUrn": "urn:li:share:1"}
    json_of(site.n8n.post("/api/webhooks/publish-status", json=report))
    copy = json_of(alice.post(f"/api/posts/{post['id']}/duplicate"), 201)
    assert (copy["status"], copy["externalPostId"], copy["publishedAt"], copy["attempt"]) == ("draft", None, None, 0)


def test_duplicate_drops_an_account_that_is_gone(site: Site, alice: User):
    account = alice.account()
    post = alice.draft(socialAccountId=account["id"])
    assert alice.delete(f"/api/social-accounts/{account['id']}").status_code == 204
    assert json_of(alice.post(f"/api/posts/{post['id']}/duplicate"), 201)["socialAccountId"] is None


def test_duplicate_needs_the_right_to_write(site: Site, alice: User, bob: User):
    company = alice.company(bob="viewer", carol="editor")
    post = alice.draft(companyId=company)
    refused(bob.post(f"/api/posts/{post['id']}/duplicate"), 403, "role_insufficient")
    refused(site.user("mallory").post(f"/api/posts/{post['id']}/duplicate"), 404, "post_not_found")
    copy = json_of(site.user("carol").post(f"/api/posts/{post['id']}/duplicate"), 201)
    assert (copy["companyId"], copy["userId"]) == (company, "carol")


def test_duplicate_above_a_quota_is_refused(database_url: str, make_site: MakeSite):
    site = make_site(database_url, quota_posts=1)
    alice = site.user("alice")
    post = alice.draft()
    refused(alice.post(f"/api/posts/{post['id']}/duplicate"), 422, "quota_exceeded")
    assert rows_left(site)[0] == 1


def past_its_lease(site: Site, user: User, **fields: Any) -> dict[str, Any]:
    post = site.sent(user, **fields)
    site.clock.at += HOUR
    return post


def test_attach_by_link_answers_the_published_post(site: Site, alice: User):
    post = past_its_lease(site, alice)
    url = "https://www.linkedin.com/posts/alice_hello-share-7123456789012345678-AbCd?utm_source=x"
    answer = json_of(alice.post(f"/api/posts/{post['id']}/attach", json={"url": f" {url} "}))
    urn = "urn:li:share:7123456789012345678"
    assert (answer["status"], answer["externalPostId"], answer["linkedinPostUrn"]) == ("published", urn, urn)
    assert answer["externalUrl"] == f"https://www.linkedin.com/feed/update/{urn}/"
    assert alice.read(post["id"]) == answer
    assert alice.timeline(post["id"])["transitions"][-1]["reason"] == "attached"
    refused(alice.post(f"/api/posts/{post['id']}/attach", json={"url": url}), 409, "already_published")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"url": "https://www.facebook.com/ann/posts/98765"}, "other_platform", "url"),
        ({"url": "https://www.linkedin.com/in/alice"}, "link_of_no_post", "url"),
        ({"url": "https://evil.example/feed/update/urn:li:share:7"}, "other_platform", "url"),
        ({"externalPostId": "12345_98765"}, "other_platform", "externalPostId"),
        ({"externalPostId": "urn:li:person:7"}, "invalid_post_id", "externalPostId"),
        ({"url": "javascript:alert(1)"}, "invalid_fields", "url"),
        ({"url": "https://www.linkedin.com/" + "x" * 2048}, "invalid_fields", "url"),
        ({"url": 7}, "invalid_fields", "url"),
        ({"url": "https://[::1/"}, "invalid_fields", "url"),
        ({"externalPostId": "x" * 256}, "invalid_fields", "externalPostId"),
        ({"externalPostId": ""}, "invalid_fields", "externalPostId"),
        ({}, "invalid_fields", "url"),
        ({"url": "https://www.linkedin.com/in/x", "externalPostId": "urn:li:share:7"}, "invalid_fields", "url"),
        ({"externalPostId": "urn:li:share:7", "force": True}, "invalid_fields", "force"),
    ],
)
def test_attach_of_anything_but_a_post_of_the_platform_is_refused(
    small_site: Site, body: dict[str, object], code: str, field: str
):
    alice = small_site.user("alice")
    post = past_its_lease(small_site, alice)
    problem = refused(alice.post(f"/api/posts/{post['id']}/attach", json=body), 422, code)
    assert problem["errors"][0]["field"] == field
    assert alice.read(post["id"])["status"] == "publishing"


def test_attach_is_refused_where_the_outcome_is_known(site: Site, alice: User, bob: User):
    body = {"externalPostId": "urn:li:share:7"}
    refused(alice.post(f"/api/posts/{alice.draft()['id']}/attach", json=body), 409, "outcome_known")
    post = site.sent(alice)
    refused(alice.post(f"/api/posts/{post['id']}/attach", json=body), 409, "in_flight")
    refused(bob.post(f"/api/posts/{post['id']}/attach", json=body), 404, "post_not_found")
