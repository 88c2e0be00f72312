"""QStash's deliveries: their signatures over address, body and time, and their results."""

import base64
import json
from typing import Any

import pytest

from tests.adapters.servers import HttpServer, says
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import BASE, HOUR, MINUTE, NOW, SECOND, MessageServer, Site, User, json_of, refused, signature

DISPATCH, FAILED, RECOVER = "/api/posts/dispatch", "/api/posts/dispatch-failed", "/api/posts/recover"
POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"
MESSAGE = json.dumps({"postId": POST_ID, "userId": "alice", "generation": 1}).encode()
NOW_SECONDS = int(NOW.timestamp())
SWEPT = {"recovered", "total", "expired", "armed", "held", "remaining", "durationMs", "skipped"}


def notice(message: bytes = MESSAGE, **changes: Any) -> bytes:
    body = {"sourceMessageId": "msg_1", "sourceBody": base64.b64encode(message).decode(), "status": 503} | changes
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    "claims",
    [
        {"key": "a-key-that-somebody-else-made-up-himself"},
        {"sub": f"{BASE}/elsewhere"},
        {"sub": "https://evil.test/api/posts/dispatch"},
        {"sub": None},
        {"iss": "Downstash"},
        {"iss": None},
        {"body": None},
        {"body": ""},
        {"body": 7},
        {"body": ["x"]},
        {"body": base64.urlsafe_b64encode(b"x" * 32).decode()},
        {"exp": None},
        {"exp": NOW_SECONDS - 11},
        {"exp": "soon"},
        {"nbf": NOW_SECONDS + 11},
        {"nbf": None},
        {"iat": NOW_SECONDS + 3600},
    ],
    ids=str,
)
def test_signature_that_does_not_verify_is_refused(small_site: Site, n8n: HttpServer, claims: dict[str, Any]):
    for path in (DISPATCH, FAILED, RECOVER):
        refused(small_site.signed(path, MESSAGE, **claims), 401, "unauthorized")
        assert small_site.events("delivery.refused")[0]["reason"]
        assert n8n.seen == []


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "\xff", "x" * 9000, "eyJhbGciOiJub25lIn0.e30."], ids=lambda token: ascii(token)[:12]
)
def test_malformed_signature_is_refused(small_site: Site, token: str):
    for path in (DISPATCH, FAILED, RECOVER):
        headers = {"Upstash-Signature": token, "Content-Type": "application/json"}
        refused(small_site.client.post(path, data=MESSAGE, headers=headers), 401, "unauthorized")


def test_without_a_signature_nothing_is_delivered(small_site: Site):
    headers = {"Content-Type": "application/json"}
    for path in (DISPATCH, FAILED, RECOVER):
        refused(small_site.anonymous.post(path, data=MESSAGE, headers=headers), 401, "unauthorized")
    for path in (DISPATCH, FAILED):
        refused(small_site.user("root", admin=True).post(path, data=MESSAGE, headers=headers), 401, "unauthorized")


def test_changed_body_is_refused(small_site: Site):
    for path in (DISPATCH, FAILED, RECOVER):
        headers = {"Upstash-Signature": signature(BASE + path, MESSAGE, NOW), "Content-Type": "application/json"}
        refused(small_site.client.post(path, data=MESSAGE + b" ", headers=headers), 401, "unauthorized")


def test_current_and_next_key_are_accepted(small_site: Site):
    answer = small_site.signed(DISPATCH, MESSAGE, key="qstash_next_signing_key")
    assert json_of(answer) == {"status": "ignored", "reason": "unknown"}


@pytest.mark.parametrize(
    "claims",
    [{"nbf": NOW_SECONDS + 1, "iat": NOW_SECONDS + 1}, {"exp": NOW_SECONDS - 1}, {"nbf": 0}],
    ids=["early", "old", "nbf-0"],
)
def test_clock_skew_of_a_second_is_accepted(small_site: Site, claims: dict[str, Any]):
    assert json_of(small_site.signed(DISPATCH, MESSAGE, **claims)) == {"status": "ignored", "reason": "unknown"}


def test_signature_is_checked_against_the_configured_url(small_site: Site):
    headers = {"Host": "internal:8000", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http"}
    assert json_of(small_site.signed(DISPATCH, MESSAGE, headers))["status"] == "ignored"
    forged = signature("http://internal:8000/api/posts/dispatch", MESSAGE, NOW)
    refused(small_site.signed(DISPATCH, MESSAGE, headers | {"Upstash-Signature": forged}), 401, "unauthorized")


@pytest.mark.parametrize("missing", ["qstash_current_signing_key", "public_base_url"])
@pytest.mark.parametrize("path", [DISPATCH, FAILED, RECOVER])
def test_dispatch_without_configuration_is_closed(sqlite_url: str, make_site: MakeSite, missing: str, path: str):
    site = make_site(sqlite_url, qstash_token=None, **{missing: None})
    answer = site.signed(path, MESSAGE)
    refused(answer, 503, "not_configured")
    assert missing.upper() not in answer.get_data(as_text=True)
    assert site.events("not_configured")[0]["setting"] == missing.upper()


BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b"[" * 100_000,
    b"\xff",
    b"{}",
    b"1" * 5000,
    *(
        json.dumps(body).encode()
        for body in (
            {"postId": POST_ID},
            {"generation": 1},
            {"postId": "x", "generation": 1},
            {"postId": 7, "generation": 1},
            {"postId": None, "generation": 1},
            {"postId": [], "generation": 1},
            {"postId": POST_ID, "generation": "1"},
            {"postId": POST_ID, "generation": None},
            {"postId": POST_ID, "generation": True},
            {"postId": POST_ID, "generation": 1.0},
            {"postId": POST_ID, "generation": -1},
            {"postId": POST_ID, "generation": 2**31},
            {"postId": POST_ID, "generation": 10**300},
            {"postId": "\0" * 36, "generation": 1},
            {"postId": "\ud800" * 36, "generation": 1},
            {"postId": POST_ID, "generation": 1, "kind": "other"},
            {"postId": POST_ID, "generation": 1, "kind": ["lease"]},
            {"postId": POST_ID, "generation": 1, "kind": 1},
        )
    ),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: ascii(body)[2:60])
def test_malformed_delivery_answers_489(small_site: Site, body: bytes):
    answers = [small_site.signed(DISPATCH, body), small_site.signed(FAILED, notice(body))]
    for answer in answers:
        refused(answer, 489, "malformed_message")
        assert answer.headers["Upstash-NonRetryable-Error"] == "true"


@pytest.mark.parametrize(
    "changes",
    [
        {"sourceBody": None},
        {"sourceBody": 7},
        {"sourceBody": ["x"]},
        {"sourceBody": "%"},
        {"sourceBody": "é"},
        {"sourceMessageId": None},
        {"sourceMessageId": 7},
    ],
    ids=str,
)
def test_malformed_failure_notice_answers_489(small_site: Site, changes: dict[str, Any]):
    refused(small_site.signed(FAILED, notice(**changes)), 489, "malformed_message")


@pytest.mark.parametrize("message_id", ["", "a\0b", "a\ud800b", "x" * 10_000], ids=["empty", "NUL", "half", "long"])
def test_failure_notice_of_an_unknown_message_changes_nothing(site: Site, alice: User, message_id: str):
    post = alice.scheduled()
    message = json.dumps({"postId": post["id"], "generation": 1}).encode()
    answer = site.signed(FAILED, notice(message, sourceMessageId=message_id))
    assert answer.status_code in (200, 489)
    assert alice.read(post["id"]) == post


def test_a_delivery_at_its_instant_is_sent_once(site: Site, alice: User, n8n: HttpServer):
    post = alice.scheduled()
    site.clock.at = NOW + HOUR - SECOND
    assert json_of(site.deliver(post)) == {"status": "dispatched"}
    assert site.clock.at == NOW + HOUR
    [sent] = n8n.seen
    assert sent.headers["x-api-key"] == SECRETS["n8n_webhook_auth_header"].partition(": ")[2]
    assert "x-internal-secret" not in sent.headers
    assert json_of(site.deliver(post)) == {"status": "ignored", "reason": "busy"}
    assert len(n8n.seen) == 1


def test_delivery_far_too_early_is_armed_again(site: Site, alice: User, qstash: MessageServer, n8n: HttpServer):
    post = alice.scheduled()
    site.clock.at = NOW + HOUR - MINUTE
    assert json_of(site.deliver(post)) == {"status": "early", "reason": "armed_again"}
    assert len(qstash.published) == 2
    assert n8n.seen == []


def test_unwanted_delivery_is_acknowledged_and_ignored(site: Site, alice: User, n8n: HttpServer):
    post, draft = alice.scheduled(), alice.draft()
    site.clock.at = NOW + HOUR
    for answer, reason in (
        (site.deliver({"id": POST_ID, "userId": "alice", "generation": 1}), "unknown"),
        (site.deliver(post, generation=0), "stale"),
        (site.deliver(post, generation=2), "stale"),
        (site.deliver(draft), "draft"),
    ):
        assert json_of(answer) == {"status": "ignored", "reason": reason}
    assert n8n.seen == []
    json_of(site.deliver(post))
    json_of(site.n8n.post("/api/webhooks/publish-status", json={"postId": post["id"], "status": "published"}))
    assert json_of(site.deliver(post)) == {"status": "ignored", "reason": "published"}


def test_permanently_refused_send_answers_failed(site: Site, alice: User, n8n: HttpServer):
    n8n.answer = says(422, {"message": "no"})
    post = alice.scheduled()
    site.clock.at = NOW + HOUR
    assert json_of(site.deliver(post)) == {"status": "failed", "reason": "rejected_by_publisher"}
    assert alice.read(post["id"])["status"] == "failed"


def test_a_lost_alarm_is_recorded_once_and_left_to_the_sweep(site: Site, alice: User):
    post = alice.scheduled()
    message = json.dumps({"postId": post["id"], "userId": "alice", "generation": 1}).encode()
    body = notice(message, sourceMessageId=post["messageId"])
    assert json_of(site.signed(FAILED, body)) == {"status": "recorded"}
    assert json_of(site.signed(FAILED, body)) == {"status": "ignored"}
    after = alice.read(post["id"])
    assert (after["status"], after["armed"], after["messageId"]) == ("scheduled", False, None)
    assert json_of(site.anonymous.get("/api/scheduler/status"))["unarmed"] == 1


def test_qstash_schedule_can_run_the_sweep(site: Site, alice: User):
    post = alice.scheduled()
    site.clock.at = NOW + HOUR + MINUTE
    body = json_of(site.signed(RECOVER, b"", {"Content-Type": "text/plain"}))
    assert set(body) == SWEPT
    assert (body["recovered"], body["total"], body["skipped"]) == (1, 1, False)
    assert alice.read(post["id"])["status"] == "publishing"


@pytest.mark.parametrize("fields", [{"attempt": 1}, {}, {"attempt": None}, {"attempt": "1"}], ids=str)
def test_alarm_for_the_end_of_a_lease_ends_it(site: Site, alice: User, n8n: HttpServer, fields: dict[str, Any]):
    post = site.sent(alice)
    assert json_of(site.deliver(post, kind="lease", **fields)) == {"status": "early", "reason": "armed_again"}
    site.clock.at += 8 * MINUTE
    assert json_of(site.deliver(post, kind="lease", **fields)) == {"status": "dispatched"}
    assert [seen.json()["attempt"] for seen in n8n.seen] == [1, 2]
    answer = json_of(site.deliver(post, kind="lease", attempt=1))
    assert answer == {"status": "ignored", "reason": "stale"}


def test_accepted_post_is_armed_for_the_end_of_its_lease(site: Site, alice: User, qstash: MessageServer):
    post = site.sent(alice)
    [batch] = [seen.json() for seen in qstash.server.seen if seen.path == "/v2/batch"]
    [message] = batch
    body = {"postId": post["id"], "userId": "alice", "generation": 1, "kind": "lease", "attempt": 1}
    instants = {
        "armedAt": int(site.clock.at.timestamp() * 1000),
        "notBefore": int(message["headers"]["Upstash-Not-Before"]),
    }
    assert json.loads(message["body"]) == body | instants
    not_before = message["headers"]["Upstash-Not-Before"]
    assert int(not_before) == int(site.clock.at.timestamp()) + 480
    assert message["headers"]["Upstash-Deduplication-Id"] == f"{post['id']}-1-lease-1-{not_before}"


def test_refused_successor_of_an_early_lease_alarm_is_not_acknowledged(site: Site, alice: User, qstash: MessageServer):
    post = site.sent(alice)
    qstash.down = True
    refused(site.deliver(post, kind="lease"), 503, "not_armed")


@pytest.mark.parametrize("ahead", [0, 8])
def test_delivery_early_by_our_clock_is_judged_by_its_signed_instant_too(site: Site, ahead: int):
    post = site.user("alice").scheduled(NOW + HOUR)
    site.clock.at = NOW + HOUR - 9 * SECOND
    message = json.dumps({"postId": post["id"], "userId": post["userId"], "generation": post["generation"]}).encode()
    answer = json_of(site.signed(DISPATCH, message, iat=int(site.clock.at.timestamp()) + ahead))
    assert answer == ({"status": "dispatched"} if ahead else {"status": "early", "reason": "armed_again"})
