"""While the database is away: every route says so in a way that callers can act on, and QStash comes again."""

import json
import socket
from pathlib import Path

import pytest

from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, Site, refused, said, wire_form

POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"
MESSAGE = json.dumps({"postId": POST_ID, "userId": "alice", "generation": 1}).encode()
NOTICE = json.dumps(
    {
        "sourceMessageId": "msg_1",
        "sourceBody": "eyJwb3N0SWQiOiIwYzVmM2Q1ZS0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDAiLCJnZW5lcmF0aW9uIjoxfQ==",
    }
).encode()
ACCOUNT = {"externalId": "x", "accessToken": "x"}
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
            port = listener.getsockname()[1]  # closed again: nobody listens there
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


def test_every_route_answers_503_and_says_when_to_come_again(site: Site):
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


def test_monitors_are_told(site: Site):
    health = site.anyone.get("/healthz")
    assert (health.status_code, health.get_json()["database"]) == (503, "unreachable")
    state = said(site.anyone.get("/api/scheduler/status"))
    assert (state["operational"], state["database"]) == (False, "unreachable")


def test_what_needs_no_database_goes_on(site: Site):
    assert said(site.anyone.get("/openapi.json"))["openapi"]
    assert site.anyone.get("/docs").status_code == 200
    refused(site.anyone.get("/api/posts"), 401, "unauthorized")
    refused(site.anyone.post("/api/posts/dispatch", data=MESSAGE, content_type="application/json"), 401, "unauthorized")
