"""Answers while the database is down: 503 with Retry-After, so callers and QStash try again."""

import json
import socket
from pathlib import Path

import pytest

from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, Site, json_of, refused, wire_form

POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"
MESSAGE = json.dumps({"postId": POST_ID, "userId": "alice", "generation": 1}).encode()
NOTICE = json.dumps(
    {
        "sourceMessageId": "msg_1",
        "sourceBody": "eyJwb3N0SWQiOiIwYzVmM2Q1ZS0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDAiLCJnZW5lcmF0aW9uIjoxfQ==",
    }
).encode()
ACCOUNT = {"externalId": "urn:li:person:x", "accessToken": "x"}
USER_CALLS = [
    ("GET", "/api/posts", None),
    ("POST", "/api/posts", {"content": "x"}),
    ("GET", f"/api/posts/{POST_ID}", None),
    ("PATCH", f"/api/posts/{POST_ID}", {"content": "x"}),
    ("DELETE", f"/api/posts/{POST_ID}", None),
    ("GET", f"/api/posts/{POST_ID}/timeline", None),
    ("POST", f"/api/posts/{POST_ID}/schedule", {"scheduledAt": wire_form(NOW + HOUR)}),
    ("POST", f"/api/posts/{POST_ID}/unschedule", None),
    ("POST", "/api/posts/recover", {"postId": POST_ID, "action": "retry"}),
    ("GET", "/api/social-accounts", None),
    ("POST", "/api/social-accounts", ACCOUNT),
    ("PATCH", f"/api/social-accounts/{POST_ID}", {"accountName": "x"}),
    ("DELETE", f"/api/social-accounts/{POST_ID}", None),
    ("POST", "/api/scheduler/run", None),
]
KINDS = ["unreachable", "folder", "unmigrated-sqlite", "unmigrated-postgresql"]


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, make_site: MakeSite, tmp_path: Path) -> Site:
    kind = request.param
    if kind == "unreachable":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]  # closed again, so connections are refused
        return make_site(f"postgresql://punctual:very-secret-word@127.0.0.1:{port}/punctual")
    if kind == "folder":
        return make_site(f"sqlite:///{tmp_path}")
    if kind == "unmigrated-sqlite":
        return make_site(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    return make_site(request.getfixturevalue("empty_postgresql_url"))


@pytest.fixture
def empty_postgresql_url(request: pytest.FixtureRequest):
    with request.getfixturevalue("postgresql_databases").blank() as url:
        yield url


def test_every_route_answers_503_with_retry_after(site: Site):
    root = site.user("root", admin=True)
    answers = [root.open(method, path, json=body) for method, path, body in USER_CALLS]
    answers += [site.cron.get(path) for path in ("/api/posts/recover", "/api/cron/publish-scheduled")]
    answers += [
        site.n8n.post("/api/webhooks/publish-status", json={"postId": POST_ID, "status": "published"}),
        site.n8n.post("/api/webhooks/claim", json={"postId": POST_ID, "attempt": 1}),
        site.signed("/api/posts/dispatch", MESSAGE),
        site.signed("/api/posts/dispatch-failed", NOTICE),
        site.signed("/api/posts/recover", b""),
    ]
    for answer in answers:
        problem = refused(answer, 503, "database_unavailable")
        assert "very-secret-word" not in json.dumps(problem)
        assert int(answer.headers["Retry-After"]) > 0
    assert not [line for line in site.log if "very-secret-word" in line]


def test_status_answers_without_a_database(site: Site):
    assert json_of(site.anonymous.get("/healthz"))["database"] in ("unreachable", "not_migrated")
    assert site.anonymous.get("/readyz").status_code == 503
    state = json_of(site.anonymous.get("/api/scheduler/status"))
    assert state["operational"] is False
    assert state["database"] in ("unreachable", "not_migrated")


def test_routes_without_the_database_still_work(site: Site):
    assert json_of(site.anonymous.get("/openapi.json"))["openapi"]
    assert site.anonymous.get("/docs").status_code == 200
    refused(site.anonymous.get("/api/posts"), 401, "unauthorized")
    refused(
        site.anonymous.post("/api/posts/dispatch", data=MESSAGE, content_type="application/json"), 401, "unauthorized"
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/posts/dispatch", MESSAGE), ("/api/posts/dispatch-failed", NOTICE), ("/api/posts/recover", b"")],
)
def test_retry_after_grows_with_qstashs_retries(site: Site, path: str, body: bytes):
    waits = [
        site.signed(path, body, headers={"Upstash-Retried": retried}).headers["Retry-After"]
        for retried in ("0", "1", "2", "3", "99")
    ]
    assert waits == ["5", "20", "80", "300", "300"]


@pytest.mark.parametrize("retried", ["", "x", "-1", "1.5", "²", "9" * 5_000])
def test_malformed_retry_count_gets_the_first_retry_after(site: Site, retried: str):
    answer = site.signed("/api/posts/dispatch", MESSAGE, headers={"Upstash-Retried": retried})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
