"""Schedule, reschedule, unschedule and recover: their answers, their messages and their errors."""

import datetime as dt

import pytest

from tests.adapters.servers import HttpServer
from tests.web.site import BASE, HOUR, MINUTE, NOW, SECOND, MessageServer, Site, User, json_of, refused, wire_form

ANSWER = {"status", "postId", "scheduledAt", "timeZone", "localTime", "messageId", "armed", "warnings"}
DUE = NOW + HOUR


def test_schedule_answers_the_chosen_time(site: Site, qstash: MessageServer):
    alice = site.user("alice", at=dt.datetime(2026, 11, 30, 8, tzinfo=dt.UTC))
    alice.account()
    post = alice.draft()
    body = {"scheduledAt": "2026-12-01T09:00:00", "timeZone": "Europe/Berlin"}
    answer = json_of(alice.post(f"/api/posts/{post['id']}/schedule", json=body))
    assert answer == {
        "status": "scheduled",
        "postId": post["id"],
        "scheduledAt": "2026-12-01T08:00:00.000Z",
        "timeZone": "Europe/Berlin",
        "localTime": "2026-12-01T09:00:00.000+01:00",
        "messageId": "msg_1",
        "armed": True,
        "warnings": [],
    }
    stored = alice.read(post["id"])
    assert (stored["status"], stored["messageId"], stored["armed"]) == ("scheduled", "msg_1", True)
    assert stored["scheduledAt"] == stored["nextAttemptAt"] == answer["scheduledAt"]
    assert (stored["timeZone"], stored["generation"]) == ("Europe/Berlin", 1)
    assert stored["socialAccountId"] is not None


def test_message_has_body_url_and_delay(site: Site, alice: User, qstash: MessageServer):
    post = alice.scheduled(DUE)
    [sent] = qstash.published
    assert sent.path == f"/v2/publish/{BASE}/api/posts/dispatch"
    body = {"postId": post["id"], "userId": "alice", "generation": 1}
    instants = {"armedAt": int(site.clock.at.timestamp() * 1000), "notBefore": int((NOW + HOUR).timestamp()) - 1}
    assert sent.json() == body | instants
    assert int(sent.headers["upstash-not-before"]) == DUE.timestamp() - 1
    assert sent.headers["upstash-failure-callback"] == f"{BASE}/api/posts/dispatch-failed"
    assert sent.headers["upstash-label"] == f"post-{post['id']}"
    assert sent.headers["upstash-retries"].isdigit()
    assert sent.headers["upstash-timeout"].endswith("s")
    assert ":" not in sent.headers["upstash-deduplication-id"]
    assert "upstash-flow-control-key" not in sent.headers


def test_reschedule_moves_the_time_and_replaces_the_message(site: Site, alice: User, qstash: MessageServer):
    post = alice.scheduled(DUE)
    answer = alice.schedule(post["id"], DUE + HOUR)
    assert (answer["scheduledAt"], answer["messageId"]) == (wire_form(DUE + HOUR), "msg_2")
    assert qstash.cancelled == ["msg_1"]
    ids = [seen.headers["upstash-deduplication-id"] for seen in qstash.published]
    assert len(set(ids)) == 2
    assert alice.read(post["id"])["generation"] == 2
    site.clock.at = DUE
    assert json_of(site.deliver(post)) == {"status": "ignored", "reason": "stale"}


@pytest.mark.parametrize("seconds", [0, 1, 59, 60])
def test_a_time_within_the_last_minute_means_now(site: Site, alice: User, seconds: int):
    alice.account()
    answer = alice.schedule(alice.draft()["id"], NOW - seconds * SECOND)
    assert set(answer) == ANSWER
    assert answer["scheduledAt"] == wire_form(NOW)


def test_schedule_while_the_message_service_is_down_succeeds(site: Site, alice: User, qstash: MessageServer):
    qstash.down = True
    alice.account()
    post = alice.draft()
    answer = alice.schedule(post["id"], DUE)
    assert set(answer) == ANSWER
    assert (answer["status"], answer["messageId"], answer["armed"]) == ("scheduled", None, False)
    assert [warning["code"] for warning in answer["warnings"]] == ["not_armed"]
    assert set(answer["warnings"][0]) == {"code", "message"}
    stored = alice.read(post["id"])
    assert (stored["status"], stored["armed"], stored["scheduledAt"]) == ("scheduled", False, wire_form(DUE))


def test_a_time_past_the_plans_horizon_is_parked(site: Site, alice: User, qstash: MessageServer):
    alice.account()
    answer = alice.schedule(alice.draft()["id"], NOW + dt.timedelta(days=30))
    assert (answer["armed"], answer["messageId"]) == (False, None)
    assert [warning["code"] for warning in answer["warnings"]] == ["parked"]
    assert qstash.published == []
    assert json_of(site.anonymous.get("/api/scheduler/status"))["parked"] == 1


def test_every_exceeded_limit_is_named(site: Site, alice: User):
    alice.account("instagram")
    alice.account("linkedin")
    schedule = {"scheduledAt": wire_form(DUE)}

    def errors(**fields: object) -> list[tuple[object, ...]]:
        post = alice.draft(**fields)
        problem = refused(alice.post(f"/api/posts/{post['id']}/schedule", json=schedule), 422, "platform_limits")
        assert alice.read(post["id"]) == post
        return [(e["field"], e["code"], e.get("limit"), e.get("actual")) for e in problem["errors"]]

    assert errors(content="x" * 3001) == [("content", "text_too_long", 3000, 3001)]
    assert errors(content="🎉" * 1501) == [("content", "text_too_long", 3000, 3002)]
    assert errors(content=" \n") == [("content", "content_required", None, None)]
    assert errors(content="x" * 2201, platform="instagram") == [
        ("content", "text_too_long", 2200, 2201),
        ("media", "media_required", 1, 0),
    ]
    eleven = [{"url": "https://cdn.example.com/a.png", "type": "image"}] * 11
    assert errors(media=eleven, platform="instagram") == [("media", "too_many_media", 10, 11)]
    alice.schedule(alice.draft(content="x" * 3000)["id"], DUE)


def test_a_post_needs_one_account_of_its_platform(site: Site, alice: User):
    post = alice.draft()
    path, body = f"/api/posts/{post['id']}/schedule", {"scheduledAt": wire_form(DUE)}
    refused(alice.post(path, json=body), 422, "account_missing")
    first = alice.account(externalId="urn:li:person:1")
    alice.account(externalId="urn:li:person:2")
    problem = refused(alice.post(path, json=body), 422, "account_ambiguous")
    assert problem["errors"][0]["field"] == "socialAccountId"
    chosen = alice.draft(socialAccountId=first["id"])
    alice.schedule(chosen["id"], DUE)
    assert alice.read(chosen["id"])["socialAccountId"] == first["id"]


def test_unschedule_makes_a_draft_and_cancels_the_message(site: Site, alice: User, qstash: MessageServer):
    post = alice.scheduled(DUE)
    path = f"/api/posts/{post['id']}/unschedule"
    assert json_of(alice.post(path)) == {"status": "unscheduled", "postId": post["id"]}
    assert qstash.cancelled == ["msg_1"]
    draft = alice.read(post["id"])
    assert (draft["status"], draft["scheduledAt"], draft["timeZone"]) == ("draft", None, None)
    assert (draft["messageId"], draft["nextAttemptAt"], draft["generation"]) == (None, None, 2)
    assert json_of(alice.post(path)) == {"status": "unscheduled", "postId": post["id"]}
    assert alice.read(post["id"]) == draft
    site.clock.at = DUE
    assert json_of(site.deliver(post)) == {"status": "ignored", "reason": "stale"}


def test_unschedule_holds_while_the_message_service_is_down(
    site: Site, alice: User, qstash: MessageServer, n8n: HttpServer
):
    post = alice.scheduled(DUE)
    qstash.down = True
    assert json_of(alice.post(f"/api/posts/{post['id']}/unschedule"))["status"] == "unscheduled"
    site.clock.at = DUE
    assert json_of(site.deliver(post))["status"] == "ignored"
    assert n8n.seen == []


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_unschedule_of_an_unscheduled_post_answers_409(site: Site, alice: User, status: str):
    post = site.sent(alice)
    site.clock.at += HOUR
    json_of(alice.post("/api/posts/recover", json={"postId": post["id"], "action": "fail"}))
    if status == "cancelled":
        assert alice.delete(f"/api/posts/{post['id']}").status_code == 204
    code = {"failed": "not_scheduled", "cancelled": "already_cancelled"}[status]
    refused(alice.post(f"/api/posts/{post['id']}/unschedule"), 409, code)


def test_recover_retries_a_failed_post_now_with_its_whole_budget(site: Site, alice: User, n8n: HttpServer):
    post = site.sent(alice)
    site.clock.at += HOUR
    failed = json_of(alice.post("/api/posts/recover", json={"postId": post["id"], "action": "fail"}))
    assert (failed["status"], failed["errorCode"]) == ("failed", "failed_by_hand")
    retry = {"postId": post["id"], "action": "retry", "force": True}
    again = json_of(alice.post("/api/posts/recover", json=retry))
    assert (again["status"], again["armed"], again["retryCount"]) == ("scheduled", True, 0)
    assert (again["nextAttemptAt"], again["scheduledAt"]) == (wire_form(site.clock.at), post["scheduledAt"])
    assert (again["errorCode"], again["errorMessage"]) == (None, None)
    assert json_of(site.deliver(again)) == {"status": "dispatched"}
    assert [seen.json()["attempt"] for seen in n8n.seen] == [1, 2]


def test_recover_needs_force_if_a_retry_may_be_a_second_copy(site: Site, alice: User):
    image = [{"url": "https://cdn.example.com/a.png", "type": "image"}]
    post = site.sent(alice, platform="instagram", media=image)
    site.clock.at += HOUR
    retry = {"postId": post["id"], "action": "retry"}
    for force in ({}, {"force": False}):
        refused(alice.post("/api/posts/recover", json=retry | force), 409, "force_required")
    assert json_of(alice.post("/api/posts/recover", json=retry | {"force": True}))["status"] == "scheduled"


def test_recover_accepts_only_failed_and_stuck_posts(site: Site, alice: User):
    draft, scheduled = alice.draft(), alice.scheduled(NOW + 2 * HOUR)
    for post in (draft, scheduled):
        for action in ("retry", "fail"):
            body = {"postId": post["id"], "action": action}
            refused(alice.post("/api/posts/recover", json=body), 409, "not_recoverable")
    stuck = site.sent(alice, NOW + HOUR)
    site.clock.at += 7 * MINUTE
    refused(alice.post("/api/posts/recover", json={"postId": stuck["id"], "action": "fail"}), 409, "in_flight")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "retry"}, "postId"),
        ({"postId": "x"}, "action"),
        ({"postId": "x", "action": "resend"}, "action"),
        ({"postId": 7, "action": "retry"}, "postId"),
        ({"postId": "x", "action": "retry", "force": "yes"}, "force"),
        ({"postId": "x", "action": "retry", "force": {}}, "force"),
        ({"postId": "x", "action": "retry", "now": True}, "now"),
    ],
    ids=["no-id", "no-action", "unknown-action", "number-id", "text-force", "object-force", "unknown-field"],
)
def test_recover_with_missing_or_unknown_fields_is_refused(small_site: Site, body: dict[str, object], field: str):
    problem = refused(small_site.user("alice").post("/api/posts/recover", json=body), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [field]


def test_schedule_warns_of_nearby_posts_of_the_account(site: Site, alice: User):
    first = alice.scheduled(content="Big news")
    second = alice.draft(content="big  NEWS")
    warnings = alice.schedule(second["id"], NOW + HOUR)["warnings"]
    assert [warning["code"] for warning in warnings] == ["duplicate_text", "crowded_minute"]
    for warning in warnings:
        assert first["id"] in warning["message"]
        assert wire_form(NOW + HOUR) in warning["message"]
    assert alice.schedule(first["id"], NOW + 30 * HOUR)["warnings"] == []
