"""Idempotency-Key: a repeated request gets the same answer, and its work is done once."""

from functools import partial
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import idempotency
from app.domain.errors import Unavailable
from app.posts import drafts
from app.posts import recover as recovering
from tests.support.threads import errors, run_together
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, SECOND, Site, User, json_of, refused, wire_form

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
DRAFT = {"content": "Hello"}


def create(user: User, key: dict[str, str] = KEY, **fields: Any):
    return user.post("/api/posts", json=DRAFT | fields, headers=key)


def count(user: User) -> int:
    return len(json_of(user.get("/api/posts"))["data"])


def test_the_same_request_gets_the_first_answer_and_makes_one_post(site: Site, alice: User):
    first, again = create(alice), create(alice)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.mimetype) == (201, "application/json")
    assert again.get_data() == first.get_data()
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert count(alice) == 1


def test_without_a_key_every_request_is_its_own(site: Site, alice: User):
    create(alice, {})
    create(alice, {})
    assert count(alice) == 2
    assert site.rows("SELECT * FROM idempotency_keys") == []


def test_another_body_under_the_same_key_is_refused(site: Site, alice: User):
    create(alice)
    body = refused(create(alice, content="Other"), 422, "idempotency_key_reused")
    assert body["errors"][0]["field"] == "Idempotency-Key"
    assert count(alice) == 1


def test_another_route_or_post_under_the_same_key_is_refused(site: Site, alice: User):
    post, other = alice.scheduled(), alice.scheduled(content="Other")
    json_of(alice.post(f"/api/posts/{post['id']}/unschedule", headers=KEY))
    refused(alice.post(f"/api/posts/{other['id']}/unschedule", headers=KEY), 422, "idempotency_key_reused")
    refused(create(alice), 422, "idempotency_key_reused")
    assert alice.read(other["id"])["status"] == "scheduled"


def test_keys_of_different_users_are_independent(site: Site, alice: User, bob: User):
    assert create(alice).get_json()["userId"] == "alice"
    answer = create(bob)
    assert answer.get_json()["userId"] == "bob"
    assert "Idempotency-Replayed" not in answer.headers


def test_key_without_a_valid_token_answers_401(site: Site, alice: User):
    create(alice)
    refused(site.anonymous.post("/api/posts", json=DRAFT, headers=KEY), 401, "unauthorized")


def test_every_other_post_route_accepts_a_key(site: Site, alice: User):
    alice.account()
    post = alice.draft()
    path = f"/api/posts/{post['id']}"
    at = {"scheduledAt": wire_form(NOW + HOUR)}
    calls: list[tuple[str, dict[str, Any]]] = [
        (f"{path}/schedule", {"json": at}),
        (f"{path}/unschedule", {}),
        (f"{path}/schedule", {"json": at | {"fold": 0}}),
    ]
    for n, (route, options) in enumerate(calls):
        key = {"Idempotency-Key": f"key-{n}"}
        first = alice.post(route, headers=key, **options)
        before = alice.read(post["id"])
        again = alice.post(route, headers=key, **options)
        assert (again.headers["Idempotency-Replayed"], again.get_data()) == ("true", first.get_data())
        assert (first.status_code, alice.read(post["id"])) == (200, before)
    sent = site.sent(alice, at=NOW + 2 * HOUR, content="Other")
    site.n8n.post("/api/webhooks/publish-status", json={"postId": sent["id"], "status": "failed", "httpStatus": 400})
    body = {"postId": sent["id"], "action": "retry"}
    first, again = (alice.post("/api/posts/recover", json=body, headers=KEY) for _ in range(2))
    assert (first.status_code, first.get_json()["status"], first.get_json()["generation"]) == (200, "scheduled", 2)
    assert (again.headers["Idempotency-Replayed"], again.get_data()) == ("true", first.get_data())
    assert alice.read(sent["id"])["generation"] == 2


@pytest.mark.parametrize(
    ("options", "status"),
    [({"json": {"content": 7}}, 422), ({"data": b"{", "content_type": "application/json"}, 400)],
    ids=["a field", "no json"],
)
def test_4xx_answer_is_replayed(site: Site, alice: User, options: dict[str, Any], status: int):
    first, again = (alice.post("/api/posts", headers=KEY, **options) for _ in range(2))
    assert (first.status_code, again.status_code) == (status, status)
    assert (again.get_data(), again.mimetype) == (first.get_data(), "application/problem+json")
    assert again.headers["Idempotency-Replayed"] == "true"
    refused(create(alice), 422, "idempotency_key_reused")


def test_409_is_replayed_after_its_cause_is_gone(site: Site, alice: User):
    sent = site.sent(alice)
    path = f"/api/posts/{sent['id']}/unschedule"
    refused(alice.post(path, headers=KEY), 409, "in_flight")
    site.n8n.post("/api/webhooks/publish-status", json={"postId": sent["id"], "status": "failed", "httpStatus": 400})
    refused(alice.post(path, headers=KEY), 409, "in_flight")


def test_5xx_answer_is_not_kept(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch):
    def away(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(drafts, "create_post", away)
        assert refused(create(alice), 503, "database_unavailable")
    answer = create(alice)
    assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (201, False)


def test_second_request_while_the_first_is_in_flight_answers_409(
    site: Site, alice: User, monkeypatch: pytest.MonkeyPatch
):
    write = drafts.create_post
    meanwhile: list[TestResponse] = []

    def slow(*args: Any) -> Any:
        if not meanwhile:
            meanwhile.append(create(alice))
        return write(*args)

    monkeypatch.setattr(drafts, "create_post", slow)
    assert create(alice).status_code == 201
    refused(meanwhile[0], 409, "idempotency_in_flight")
    assert meanwhile[0].headers["Retry-After"] == "1"
    assert count(alice) == 1
    assert create(alice).status_code == 201


def test_key_of_a_dead_process_is_free_after_a_minute(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch):
    class Killed(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(recovering, "recover", dies)
        body = {"postId": alice.draft()["id"], "action": "retry"}
        with pytest.raises(Killed):
            alice.post("/api/posts/recover", json=body, headers=KEY)
    refused(alice.post("/api/posts/recover", json=body, headers=KEY), 409, "idempotency_in_flight")
    site.clock.at += idempotency.LEASE - SECOND
    refused(alice.post("/api/posts/recover", json=body, headers=KEY), 409, "idempotency_in_flight")
    site.clock.at += SECOND
    refused(alice.post("/api/posts/recover", json=body, headers=KEY), 409, "not_recoverable")


def test_answer_that_cannot_be_stored_is_still_returned(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch):
    def away(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr("app.store.operations.idempotency.finish", away)
    assert create(alice).status_code == 201
    assert site.events("idempotency.not_kept")
    refused(create(alice), 409, "idempotency_in_flight")


def test_key_expires_after_a_day_and_is_pruned(site: Site):
    create(site.user("alice"))
    morrow = NOW + idempotency.KEPT_FOR
    assert create(site.user("alice", at=morrow - SECOND)).headers["Idempotency-Replayed"] == "true"
    json_of(site.cron.get("/api/posts/recover"))
    assert len(site.rows("SELECT * FROM idempotency_keys")) == 1
    site.clock.at = morrow
    json_of(site.cron.get("/api/posts/recover"))
    assert site.rows("SELECT * FROM idempotency_keys") == []
    create(site.user("alice"))
    assert count(site.user("alice")) == 2


@pytest.mark.parametrize("key", ["a", "x" * 255, '"quoted"', "!~"])
def test_a_key_is_any_visible_characters(small_site: Site, key: str):
    user = small_site.user("alice")
    assert [create(user, {"Idempotency-Key": key}).status_code for _ in range(2)] == [201, 201]
    assert count(user) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb", "caf\xe9", "a\x7f"])
def test_malformed_key_is_refused_before_the_work(small_site: Site, key: str):
    user = small_site.user("alice")
    body = refused(create(user, {"Idempotency-Key": key}), 422, "invalid_idempotency_key")
    assert body["errors"][0]["limit"] == 255
    assert body["errors"][0]["actual"] == len(key)
    assert count(user) == 0


def test_too_large_body_is_refused_without_locking_the_key(small_site: Site):
    user = small_site.user("alice")
    refused(user.post("/api/posts", json={"content": "x" * 1_000_001}, headers=KEY), 413, "too_large")
    assert small_site.rows("SELECT * FROM idempotency_keys") == []


def test_twenty_concurrent_creates_make_one_post(postgresql_url: str, make_site: MakeSite):
    site = make_site(postgresql_url)
    users = [site.user("alice") for _ in range(20)]
    answers = run_together([partial(create, user) for user in users])
    assert errors(answers) == []
    made = [answer.get_json()["id"] for answer in answers if answer.status_code == 201]
    assert len(made) >= 1
    assert len(set(made)) == 1
    for answer in answers:
        if answer.status_code != 201:
            refused(answer, 409, "idempotency_in_flight")
    assert count(users[0]) == 1
    assert create(users[0]).get_json()["id"] == made[0]


def test_cors_allows_the_key_and_the_replayed_header(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url, cors_origins=("https://app.example.com",))
    answer = create(site.user("alice"), KEY | {"Origin": "https://app.example.com"})
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Idempotency-Replayed", "Retry-After"} <= set(exposed)


def test_header_is_documented_where_accepted(small_site: Site):
    reference = "#/components/parameters/IdempotencyKey"
    document = json_of(small_site.anonymous.get("/openapi.json"))
    named = [
        (path, method)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and {"$ref": reference} in operation["parameters"]
    ]
    assert sorted(named) == [
        ("/api/posts", "post"),
        ("/api/posts/bulk", "post"),
        ("/api/posts/recover", "post"),
        ("/api/posts/{post_id}/attach", "post"),
        ("/api/posts/{post_id}/duplicate", "post"),
        ("/api/posts/{post_id}/publish", "post"),
        ("/api/posts/{post_id}/schedule", "post"),
        ("/api/posts/{post_id}/unschedule", "post"),
    ]
