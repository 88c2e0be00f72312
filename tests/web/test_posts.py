"""Posts: create, read, edit and cancel, with exactly the documented fields."""

import uuid

import pytest

from tests.adapters.servers import HttpServer, says
from tests.web.answers import ACCESS_TOKEN
from tests.web.site import HOUR, MINUTE, NOW, MessageServer, Site, User, json_of, refused, wire_form

POST = {
    "id",
    "userId",
    "companyId",
    "clientId",
    "socialAccountId",
    "platform",
    "postType",
    "content",
    "media",
    "imageUrl",
    "status",
    "scheduledAt",
    "timeZone",
    "nextAttemptAt",
    "generation",
    "attempt",
    "retryCount",
    "messageId",
    "armed",
    "externalPostId",
    "linkedinPostUrn",
    "externalUrl",
    "publishedAt",
    "latenessMs",
    "publishedLatenessMs",
    "errorCode",
    "errorMessage",
    "createdAt",
    "updatedAt",
    "risks",
}
ATTEMPT = {
    "attempt",
    "generation",
    "trigger",
    "wokenAt",
    "startedAt",
    "sentAt",
    "acceptedAt",
    "reportedAt",
    "finishedAt",
    "latenessMs",
    "outcome",
    "httpStatus",
    "errorCode",
    "error",
}
TRANSITION = {"at", "from", "to", "reason", "actor", "generation", "attempt"}


def test_new_post_is_a_draft_with_default_values(site: Site, alice: User):
    post = alice.draft(content="Hello")
    assert set(post) == POST
    empty = POST - {"id", "createdAt", "updatedAt", "userId", "content", "platform", "postType", "media", "status"}
    empty -= {"generation", "attempt", "retryCount", "armed", "risks"}
    assert all(post[name] is None for name in empty)
    assert (post["userId"], post["content"], post["status"]) == ("alice", "Hello", "draft")
    assert (post["platform"], post["postType"], post["media"]) == ("linkedin", "post", [])
    assert (post["generation"], post["attempt"], post["retryCount"], post["armed"]) == (0, 0, 0, False)
    assert post["createdAt"] == post["updatedAt"] == wire_form(NOW) == "2026-11-02T08:00:00.000Z"
    assert str(uuid.UUID(post["id"])) == post["id"]


def test_post_keeps_all_given_fields(site: Site, alice: User):
    company = alice.company()
    client = alice.client_of(company)
    account = alice.account("instagram", clientId=client)
    fields = {
        "content": "Größe 🎉 'quoted' <b>\n\ttext",
        "platform": "instagram",
        "postType": "carousel",
        "media": [{"url": "https://cdn.example.com/a.png", "type": "image"}] * 2,
        "imageUrl": "http://cdn.example.com/b.png",
        "socialAccountId": account["id"],
        "clientId": client,
        "companyId": company,
    }
    post = alice.draft(**fields)
    assert {name: post[name] for name in fields} == fields
    assert alice.read(post["id"]) == post


def test_a_post_cannot_name_an_account_of_somebody_else_or_of_another_platform(site: Site, alice: User, bob: User):
    accounts = [bob.account()["id"], alice.account("facebook")["id"], str(uuid.uuid4())]
    for account_id in accounts:
        answer = alice.post("/api/posts", json={"content": "Hello", "socialAccountId": account_id})
        assert refused(answer, 422, "account_missing")["errors"][0]["field"] == "socialAccountId"


def test_ids_are_case_insensitive(site: Site, alice: User):
    post = alice.draft()
    assert alice.read(post["id"].upper()) == post


def test_edit_changes_only_the_given_fields(site: Site, alice: User):
    post = alice.draft(imageUrl="https://cdn.example.com/a.png")
    site.clock.at += MINUTE
    edited = json_of(alice.patch(f"/api/posts/{post['id']}", json={"content": "New"}))
    assert edited == post | {"content": "New", "updatedAt": wire_form(NOW + MINUTE)}
    media = [{"url": "https://cdn.example.com/v.mp4", "type": "video"}]
    edited = json_of(alice.patch(f"/api/posts/{post['id']}", json={"media": media, "imageUrl": None}))
    assert (edited["media"], edited["imageUrl"], edited["content"]) == (media, None, "New")
    assert json_of(alice.patch(f"/api/posts/{post['id']}", json={})) == edited == alice.read(post["id"])


def test_a_scheduled_post_that_is_edited_keeps_its_time_and_its_message(
    site: Site, alice: User, qstash: MessageServer, n8n: HttpServer
):
    post = alice.scheduled()
    edited = json_of(alice.patch(f"/api/posts/{post['id']}", json={"content": "Better"}))
    kept = ("scheduledAt", "nextAttemptAt", "messageId", "generation", "armed", "status")
    assert {name: edited[name] for name in kept} == {name: post[name] for name in kept}
    assert len(qstash.published) == 1
    assert qstash.cancelled == []
    site.clock.at = NOW + HOUR
    assert json_of(site.deliver(post)) == {"status": "dispatched"}
    assert n8n.seen[0].json()["content"] == "Better"


def test_a_scheduled_post_cannot_be_edited_past_its_platforms_limits(site: Site, alice: User):
    post = alice.scheduled()
    answer = alice.patch(f"/api/posts/{post['id']}", json={"content": "x" * 3001})
    error = refused(answer, 422, "platform_limits")["errors"][0]
    assert (error["field"], error["limit"], error["actual"]) == ("content", 3000, 3001)
    assert alice.read(post["id"]) == post


@pytest.mark.parametrize("field", ["platform", "status", "scheduledAt", "userId", "id"])
def test_edit_accepts_only_content_media_and_account(site: Site, alice: User, field: str):
    post = alice.draft()
    problem = refused(alice.patch(f"/api/posts/{post['id']}", json={field: "x"}), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, "unknown_field")]
    assert alice.read(post["id"]) == post


def test_publishing_post_cannot_be_edited_cancelled_or_unscheduled(site: Site, alice: User):
    post = site.sent(alice)
    assert post["status"] == "publishing"
    path = f"/api/posts/{post['id']}"
    refused(alice.patch(path, json={"content": "New"}), 409, "in_flight")
    refused(alice.delete(path), 409, "in_flight")
    refused(alice.post(f"{path}/unschedule"), 409, "in_flight")
    refused(alice.post(f"{path}/schedule", json={"scheduledAt": wire_form(NOW + 2 * HOUR)}), 409, "in_flight")
    refused(alice.post("/api/posts/recover", json={"postId": post["id"], "action": "retry"}), 409, "in_flight")
    assert alice.read(post["id"]) == post


def test_a_published_post_is_final(site: Site, alice: User):
    post = site.sent(alice)
    urn = "urn:li:share:7"
    json_of(
        site.n8n.post(
            "/api/webhooks/publish-status", json={"postId": post["id"], "status": "published", "linkedinPostUrn": urn}
        )
    )
    post = alice.read(post["id"])
    assert set(post) == POST
    assert (post["status"], post["publishedAt"], post["latenessMs"]) == ("published", wire_form(NOW + HOUR), 0.0)
    assert (post["externalPostId"], post["linkedinPostUrn"]) == (urn, urn)
    assert post["externalUrl"] == "https://www.linkedin.com/feed/update/urn:li:share:7/"
    path = f"/api/posts/{post['id']}"
    for answer in (
        alice.patch(path, json={"content": "New"}),
        alice.delete(path),
        alice.post(f"{path}/unschedule"),
        alice.post(f"{path}/schedule", json={"scheduledAt": wire_form(NOW + 2 * HOUR)}),
    ):
        refused(answer, 409, "already_published")
    refused(alice.post("/api/posts/recover", json={"postId": post["id"], "action": "retry"}), 409, "not_recoverable")
    assert alice.read(post["id"]) == post


def test_cancelled_post_is_final_and_its_message_is_cancelled(site: Site, alice: User, qstash: MessageServer):
    post = alice.scheduled()
    answer = alice.delete(f"/api/posts/{post['id']}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert qstash.cancelled == [post["messageId"]]
    cancelled = alice.read(post["id"])
    assert (cancelled["status"], cancelled["messageId"], cancelled["nextAttemptAt"]) == ("cancelled", None, None)
    assert cancelled["generation"] == post["generation"] + 1
    assert alice.delete(f"/api/posts/{post['id']}").status_code == 204
    assert alice.read(post["id"]) == cancelled
    path = f"/api/posts/{post['id']}"
    refused(alice.post(f"{path}/schedule", json={"scheduledAt": wire_form(NOW + HOUR)}), 409, "already_cancelled")
    refused(alice.patch(path, json={"content": "New"}), 409, "already_cancelled")
    site.clock.at = NOW + HOUR
    assert json_of(site.deliver(post)) == {"status": "ignored", "reason": "stale"}


def test_timeline_lists_attempts_and_transitions_oldest_first(site: Site, alice: User, n8n: HttpServer):
    n8n.answer = says(503, {"access": ACCESS_TOKEN})
    post = alice.scheduled()
    site.clock.at = NOW + HOUR
    assert json_of(site.deliver(post)) == {"status": "retry_scheduled", "reason": "publisher_error"}
    line = alice.timeline(post["id"])
    assert set(line) == {"attempts", "transitions"}
    [attempt] = line["attempts"]
    assert set(attempt) == ATTEMPT
    assert (attempt["attempt"], attempt["trigger"], attempt["outcome"]) == (1, "message", "transient")
    assert (attempt["httpStatus"], attempt["errorCode"], attempt["latenessMs"]) == (503, "publisher_error", 0.0)
    assert attempt["sentAt"] == attempt["startedAt"] == wire_form(NOW + HOUR)
    assert attempt["finishedAt"] is not None
    assert all(set(transition) == TRANSITION for transition in line["transitions"])
    moves = [(move["from"], move["to"], move["reason"], move["actor"]) for move in line["transitions"]]
    assert moves == [
        (None, "draft", "created", "user:alice"),
        ("draft", "scheduled", "scheduled", "user:alice"),
        ("scheduled", "publishing", "claimed", "message"),
        ("publishing", "scheduled", "retry", "punctual"),
    ]


def test_a_post_has_the_same_fields_at_every_stage_and_on_every_route(site: Site, alice: User):
    post = site.sent(alice)
    site.clock.at += HOUR
    answers = [
        alice.read(post["id"]),
        json_of(alice.get("/api/posts"))["data"][0],
        json_of(alice.post("/api/posts/recover", json={"postId": post["id"], "action": "fail"})),
        json_of(alice.patch(f"/api/posts/{alice.draft()['id']}", json={"content": "New"})),
    ]
    assert all(set(answer) == POST for answer in answers)


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_unknown_post_answers_404(small_site: Site, method: str):
    alice = small_site.user("alice")
    options = {"json": {"content": "x"}} if method == "patch" else {}
    refused(getattr(alice, method)(f"/api/posts/{uuid.uuid4()}", **options), 404, "post_not_found")


def test_post_of_another_user_answers_404_on_every_route(site: Site, alice: User, bob: User):
    post = alice.scheduled()
    path = f"/api/posts/{post['id']}"
    for answer in (
        bob.get(path),
        bob.get(f"{path}/timeline"),
        bob.patch(path, json={"content": "Mine now"}),
        bob.delete(path),
        bob.post(f"{path}/schedule", json={"scheduledAt": wire_form(NOW + HOUR)}),
        bob.post(f"{path}/unschedule"),
        bob.post("/api/posts/recover", json={"postId": post["id"], "action": "retry", "force": True}),
        bob.post("/api/posts/recover", json={"postId": post["id"], "action": "fail"}),
    ):
        refused(answer, 404, "post_not_found")
    assert json_of(bob.get("/api/posts")) == {"data": [], "nextCursor": None}
    refused(site.user("root", admin=True).get(path), 404, "post_not_found")
    assert alice.read(post["id"]) == post


@pytest.mark.parametrize("status", ["draft", "scheduled", "failed"])
def test_post_gets_another_account_by_patch(site: Site, alice: User, status: str):
    first = alice.account(externalId="urn:li:person:1")
    post = alice.draft(socialAccountId=first["id"])
    if status != "draft":
        alice.schedule(post["id"], NOW + HOUR)
    if status == "failed":
        site.clock.at = NOW + HOUR
        site.deliver(alice.read(post["id"]))
        json_of(
            site.n8n.post(
                "/api/webhooks/publish-status", json={"postId": post["id"], "status": "failed", "httpStatus": 401}
            )
        )
    if status == "draft":
        assert alice.delete(f"/api/social-accounts/{first['id']}").status_code == 204
    before = alice.read(post["id"])
    other = alice.account(externalId="urn:li:person:2")
    after = json_of(alice.patch(f"/api/posts/{post['id']}", json={"socialAccountId": f"{other['id']}\n"}))
    changed = {"socialAccountId": other["id"], "updatedAt": after["updatedAt"]}
    assert (before["status"], after) == (status, before | changed)


@pytest.mark.parametrize("value", [None, "", "x", 7, ["x"]])
def test_patch_with_a_malformed_account_is_refused(alice: User, value: object):
    answer = alice.patch(f"/api/posts/{alice.draft()['id']}", json={"socialAccountId": value})
    assert [error["field"] for error in refused(answer, 422, "invalid_fields")["errors"]] == ["socialAccountId"]


def test_patch_takes_an_account_of_the_posts_company_only(site: Site, alice: User):
    company = alice.company()
    post = alice.draft(companyId=company)
    own, shared = alice.account(), alice.account(companyId=company)
    path = f"/api/posts/{post['id']}"
    refused(alice.patch(path, json={"socialAccountId": own["id"]}), 422, "account_missing")
    assert json_of(alice.patch(path, json={"socialAccountId": shared["id"]}))["socialAccountId"] == shared["id"]
