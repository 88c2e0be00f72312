"""No byte of a body is read before its caller's proof, on any route. A body that never comes holds no thread."""

import io
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.web.turnstile import MAX_OF_USER, MAX_USERS, TURNSTILE
from tests.web.answers import SECRETS
from tests.web.site import BASE, HOUR, NOW, Site, json_of, refused, signature

ID = "0c5f3d5e-0000-4000-8000-000000000000"
WITH_BODY = {"POST", "PUT", "PATCH", "DELETE"}
WRONG = "Bearer aaaaaaaa.bbbbbbbb.cccccccc"
WITHOUT_PROOF = {("DELETE", "/console/session")}  # removes the caller's own cookie, and reads nothing
BODY = b'{"content": "x"}'


class Unread(io.RawIOBase):
    """A body that notes each attempt to read it."""

    def __init__(self) -> None:
        self.reads = 0

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> int:
        self.reads += 1
        return 0

    def read(self, _size: int = -1) -> bytes:
        self.reads += 1
        return b""


def send(site: Site, method: str, path: str, headers: dict[str, str], body: Any, length: str | None) -> TestResponse:
    """Send a body with this announced length, None for a chunked one."""
    environ: dict[str, Any] = {"wsgi.input": body, "wsgi.input_terminated": True}
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None else {"CONTENT_LENGTH": length}
    sent = headers | {"Content-Type": "application/json"}
    return site.client.open(path, method=method, headers=sent, environ_overrides=environ)


def routes(site: Site) -> list[tuple[str, str]]:
    """Every route and method that may have a body, with ids in its path."""
    found = []
    for rule in site.app.url_map.iter_rules():
        values = dict.fromkeys(rule.arguments, ID)
        path = site.app.url_map.bind("punctual.test").build(rule.endpoint, values, method=min(rule.methods or {"GET"}))
        found += [(method, path) for method in sorted((rule.methods or set()) & WITH_BODY)]
    assert len(found) > 20
    return found


def stranger(path: str, kind: str) -> dict[str, str]:
    """The headers of a caller whose proof of this kind is wrong."""

    def signed(url: str = BASE + path, at: Any = NOW, **changes: Any) -> dict[str, str]:
        headers = {"X-Internal-Secret": SECRETS["internal_api_secret"]}
        return headers | {"Upstash-Signature": signature(url, BODY, at, **changes)}

    return {
        "nothing": {},
        "a wrong token": {"Authorization": WRONG, "X-Callback-Secret": "wrong"},
        "a key and a wrong token": {"Authorization": WRONG, "Idempotency-Key": "k"},
        "a malformed signature": {"Upstash-Signature": "a.b.c"},
        "an empty signature": {"Upstash-Signature": ""},
        "a signature by another key": signed(key="x" * 40),
        "a signature of another address": signed(f"{BASE}/other"),
        "a signature by another issuer": signed(iss="Someone"),
        "an old signature": signed(at=NOW - timedelta(minutes=6)),
        "a signature without a body": signed(body=None),
    }[kind]


@pytest.mark.parametrize("length", ["900000", None])
@pytest.mark.parametrize(
    "kind",
    [
        "nothing",
        "a wrong token",
        "a key and a wrong token",
        "a malformed signature",
        "an empty signature",
        "a signature by another key",
        "a signature of another address",
        "a signature by another issuer",
        "an old signature",
        "a signature without a body",
    ],
)
def test_no_route_reads_the_body_of_a_caller_without_proof(small_site: Site, kind: str, length: str | None):
    for method, path in routes(small_site):
        body = Unread()
        answer = send(small_site, method, path, stranger(path, kind), body, length)
        expected = 204 if (method, path) in WITHOUT_PROOF else 401
        assert (answer.status_code, body.reads) == (expected, 0), (method, path, answer.status_code)


def test_signed_delivery_without_the_internal_secret_is_refused_unread(small_site: Site):
    body = Unread()
    headers = {"Upstash-Signature": signature(f"{BASE}/api/posts/dispatch", BODY, NOW)}
    refused(send(small_site, "POST", "/api/posts/dispatch", headers, body, "16"), 401, "unauthorized")
    assert body.reads == 0


@pytest.mark.parametrize("length", ["1000001", "99999999999"])
def test_announced_body_over_the_limit_is_refused_unread(small_site: Site, length: str):
    signed = {"Upstash-Signature": signature(f"{BASE}/api/posts/dispatch", BODY, NOW)}
    signed |= {"X-Internal-Secret": SECRETS["internal_api_secret"]}
    callers = {"/api/posts": small_site.user("alice").headers, "/api/webhooks/publish-status": small_site.n8n.headers}
    for path, headers in (callers | {"/api/posts/dispatch": signed}).items():
        body = Unread()
        refused(send(small_site, "POST", path, headers, body, length), 413, "too_large")
        assert body.reads == 0, path


def test_body_shorter_than_announced_is_refused_whole(small_site: Site):
    headers = small_site.user("alice").headers
    refused(send(small_site, "POST", "/api/posts", headers, io.BytesIO(BODY), "17"), 400, "malformed_json")
    assert small_site.rows("SELECT count(*) FROM posts") == [(0,)]


def test_user_with_many_unfinished_requests_is_refused_and_other_callers_are_not(small_site: Site):
    alice, bob = small_site.user("alice"), small_site.user("bob")
    here = small_site.app.extensions[TURNSTILE].users_here
    held = [here.one_more("alice") for _ in range(MAX_OF_USER)]
    for each in held:
        each.__enter__()
    answer = alice.post("/api/posts", json={"content": "x"})
    refused(answer, 503, "too_busy")
    assert answer.headers["Retry-After"] == "5"
    json_of(bob.post("/api/posts", json={"content": "x"}), 201)
    for each in held:
        each.__exit__(None, None, None)
    json_of(alice.post("/api/posts", json={"content": "x"}), 201)
    assert len(here) == 0


def test_unfinished_requests_of_many_users_leave_machines_their_threads(small_site: Site):
    alice = small_site.user("alice")
    post = alice.scheduled()
    here = small_site.app.extensions[TURNSTILE].users_here
    held = [here.one_more(f"user {number}") for number in range(MAX_USERS)]
    for each in held:
        each.__enter__()
    refused(alice.post("/api/posts", json={"content": "x"}), 503, "too_busy")
    small_site.clock.at = NOW + HOUR
    assert json_of(small_site.deliver(post)) == {"status": "dispatched"}
    report = {"postId": post["id"], "status": "published", "attempt": 1}
    assert json_of(small_site.n8n.post("/api/webhooks/publish-status", json=report))["applied"]
    for each in held:
        each.__exit__(None, None, None)
