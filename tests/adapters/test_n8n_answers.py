"""Tests of N8nPublisher over real sockets: requests, answers and the check."""

from __future__ import annotations

import dataclasses
import gzip
import json
import socket
import time
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from app.adapters.n8n import N8nPublisher
from app.settings.values import Settings
from app.version import VERSION
from tests.adapters.conftest import FrozenClock
from tests.adapters.n8n_fixtures import (
    SUBMISSION,
    TOKEN,
    publisher,
    says_raw,
    send,
)
from tests.adapters.servers import LOOPBACK, http_server, read_request, says, socket_server
from tests.support.threads import TIMEOUT_SECONDS


class TestRequest:
    def test_body_has_exactly_the_fields_of_the_contract(self) -> None:
        with http_server() as n8n:
            send(f"{n8n.url}/webhook/publish")
        assert n8n.seen[0].path == "/webhook/publish"
        assert n8n.seen[0].json() == {
            "postId": "p1",
            "userId": "u1",
            "accessToken": TOKEN,
            "personUrn": "urn:li:person:abc",
            "content": 'Grüße 👋 "quoted" <b>\nline',
            "imageUrl": None,
            "platform": "linkedin",
            "postType": "post",
            "media": [{"url": "https://x.example/ü.png", "type": "image"}],
            "scheduledAt": "2026-12-01T08:00:00.000Z",
            "attempt": 2,
            "idempotencyKey": "p1-2",
            "callbackUrl": "https://punctual.example/api/webhooks/publish-status",
            "claimUrl": None,
        }

    def test_body_is_utf_8_without_escapes(self) -> None:
        with http_server() as n8n:
            send(n8n.url)
        assert "Grüße 👋".encode() in n8n.seen[0].body

    def test_headers_have_no_secret_of_another_service(self) -> None:
        settings: dict[str, Any] = {
            "internal_api_secret": "internal-secret-1",
            "vercel_automation_bypass_secret": "bypass-secret-1",
        }
        with http_server() as n8n:
            send(n8n.url, n8n_webhook_auth_header="X-Api-Key: key: 1", **settings)
        headers = n8n.seen[0].headers
        assert headers["user-agent"] == f"Punctual/{VERSION}"
        assert headers["content-type"] == "application/json"
        assert headers["x-api-key"] == "key: 1"
        assert not {"x-internal-secret", "x-vercel-protection-bypass", "cookie"} & set(headers)
        assert not [text for text in headers.values() if text in settings.values()]

    def test_path_query_and_credentials_come_from_the_url(self) -> None:
        with http_server() as n8n:
            send(n8n.url.replace("//", "//us%40er:p%3Aw@") + "/webhook/a%20b?x=1#fragment")
        assert n8n.seen[0].path == "/webhook/a%20b?x=1"
        assert n8n.seen[0].headers["authorization"] == "Basic " + b64encode(b"us@er:p:w").decode()
        assert n8n.seen[0].headers["content-length"] == str(len(n8n.seen[0].body))

    def test_proxy_variables_are_ignored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{LOOPBACK}:9")
        with http_server() as n8n:
            assert send(n8n.url).status == 200

    def test_cookies_are_not_sent_back(self) -> None:
        with http_server(says(200, {}, Set_Cookie="a=b; Path=/")) as n8n:
            sender = publisher(n8n.url)
            sender.send(SUBMISSION)
            sender.send(SUBMISSION)
        assert "cookie" not in n8n.seen[1].headers

    def test_lone_surrogate_is_replaced(self) -> None:
        with http_server() as n8n:
            reply = publisher(n8n.url).send(dataclasses.replace(SUBMISSION, content="cut \ud83d"))
        assert (reply.kind, n8n.seen[0].json()["content"]) == ("answered", "cut ?")


class TestAnswer:
    @pytest.mark.parametrize("status", [200, 201, 202, 400, 401, 404, 413, 429, 500, 502, 503, 524])
    def test_reply_has_the_status_and_body_of_the_answer(self, status: int) -> None:
        with http_server(says(status, {"message": "Workflow"})) as n8n:
            reply = send(n8n.url)
        assert (reply.kind, reply.status, reply.body) == ("answered", status, '{"message": "Workflow"}')
        assert (reply.error, reply.retry_after) == ("", None)

    def test_sent_at_is_the_time_of_sending_when_the_answer_is_slow(self, clock: FrozenClock) -> None:
        def slow(_: Any) -> tuple[int, dict[str, str], bytes]:
            clock.at += timedelta(seconds=5)
            return 200, {}, b""

        before = clock.now()
        with http_server(slow) as n8n:
            reply = N8nPublisher(Settings(n8n_webhook_url=n8n.url), clock).send(SUBMISSION)
        assert reply.sent_at == before

    @pytest.mark.parametrize("location", ["/elsewhere", "http://[broken", "http://127.0.0.1:9/x"])
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_is_not_followed(self, status: int, location: str) -> None:
        with http_server(says(status, {}, Location=location)) as n8n:
            reply = send(n8n.url)
        assert (reply.kind, reply.status, len(n8n.seen)) == ("answered", status, 1)

    def test_retry_after_headers_are_joined_unparsed(self) -> None:
        with http_server(says(429, {}, Retry_After="120\nTue, 01 Dec 2026 08:05:00 GMT")) as n8n:
            assert send(n8n.url).retry_after == "120, Tue, 01 Dec 2026 08:05:00 GMT"

    def test_connection_is_closed_when_the_body_exceeds_64_kilobytes(self) -> None:
        with http_server(lambda _: (200, {}, b"x" * 5_000_000)) as n8n:
            sender = publisher(n8n.url)
            reply = sender.send(SUBMISSION)
            assert (reply.kind, reply.body) == ("answered", "x" * 65536)
            n8n.answer = says(200, {})
            assert sender.send(SUBMISSION).body == "{}"  # the unread rest is not part of this answer
        assert n8n.connections == 2

    def test_compressed_body_stays_within_the_limit(self) -> None:
        bomb = gzip.compress(b"\0" * 50_000_000)
        with http_server(lambda _: (200, {"Content-Encoding": "gzip"}, bomb)) as n8n:
            assert len(send(n8n.url).body) <= 65536

    def test_body_with_invalid_utf_8_is_still_text(self) -> None:
        with http_server(lambda _: (500, {}, b"\xff\xfe oops")) as n8n:
            assert send(n8n.url).body.endswith(" oops")

    @pytest.mark.parametrize("echo", [TOKEN, json.dumps(TOKEN), "AQX-access-token%2Fwith%2Bsigns", "key-123456"])
    def test_echoed_secret_is_masked(self, echo: str) -> None:
        with http_server(lambda _: (500, {}, f"input: {echo}!".encode())) as n8n:
            reply = send(n8n.url, n8n_webhook_auth_header="Authorization: Bearer key-123456")
        assert "access-token" not in reply.body
        assert "key-123456" not in reply.body
        assert "***" in reply.body


class TestIncompleteBody:
    def test_status_counts_when_the_body_is_cut_short(self) -> None:
        with socket_server(says_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")) as n8n:
            reply = send(n8n.url)
        assert (reply.kind, reply.status, reply.body) == ("answered", 200, "half")
        assert "IncompleteRead" in reply.error

    def test_status_counts_when_the_body_drips(self) -> None:
        with socket_server(says_raw(b"HTTP/1.1 503 Busy\r\nContent-Length: 1000\r\n\r\n", b"x" * 9, pause=0.05)) as n8n:
            assert send(n8n.url).status == 503
        drip = says_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 2000, pause=0.05)
        with socket_server(drip) as n8n:
            started = time.monotonic()
            reply = send(n8n.url, timeout=2.0)  # long enough for the status to arrive on a busy machine
            took = time.monotonic() - started
        assert (reply.kind, reply.status) == ("answered", 200)
        assert reply.body.startswith("xx")
        assert took < TIMEOUT_SECONDS


class TestCheck:
    @pytest.mark.parametrize("status", [200, 301, 401, 404])
    def test_check_passes_below_500_and_calls_no_webhook(self, status: int) -> None:
        with http_server(says(status, {})) as n8n:
            assert publisher(f"{n8n.url}/webhook/x", n8n_webhook_auth_header="X-Api-Key: key-123456").check() is None
        assert [(seen.method, seen.path) for seen in n8n.seen] == [("GET", "/healthz")]
        assert "x-api-key" not in n8n.seen[0].headers

    def test_check_reports_a_status_of_500_or_above(self) -> None:
        with http_server(says(503, {})) as n8n:
            assert "answers 503" in str(publisher(n8n.url).check())

    def test_check_reports_a_refused_connection_and_a_fix(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as closed:
            port = closed.getsockname()[1]
        problem = publisher(f"http://{LOOPBACK}:{port}/webhook/secret-path").check()
        assert problem is not None
        assert "cannot be reached (ConnectionRefusedError" in problem
        assert "check N8N_WEBHOOK_URL" in problem
        assert "secret-path" not in problem


def test_publisher_without_a_webhook_url_is_refused(clock: FrozenClock) -> None:
    with pytest.raises(ValueError, match="N8N_WEBHOOK_URL"):
        N8nPublisher(Settings(), clock)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
INTERIM = [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n"]
INTERIM += [b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n", b"HTTP/1.1 199 Odd\r\n\r\n"]


@pytest.mark.parametrize("interim", [*INTERIM, b"".join(INTERIM)], ids=["100", "102", "103", "199", "all"])
@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_interim_answer_is_skipped(interim: bytes, pause: float) -> None:
    with socket_server(says_raw(interim, OK, pause=pause)) as n8n:
        reply = send(n8n.url)
    assert (reply.kind, reply.status, reply.body) == ("answered", 200, "{}")


@pytest.mark.parametrize("parts", [(INTERIM[1],), (INTERIM[2] * 100, OK)], ids=["nothing after it", "too many"])
def test_interim_answer_without_a_final_one_is_unknown(parts: tuple[bytes, ...]) -> None:
    with socket_server(says_raw(*parts)) as n8n:
        reply = send(n8n.url)
    assert reply.kind == "unknown"


def test_connection_is_used_again_after_an_interim_answer() -> None:
    def interim_then_ok(conn: socket.socket, _: object) -> None:
        for _number in range(2):
            read_request(conn)
            conn.sendall(INTERIM[2] + OK)

    with socket_server(interim_then_ok) as n8n:
        sender = publisher(n8n.url)
        assert [sender.send(SUBMISSION).status for _ in range(2)] == [200, 200]
        assert n8n.connections == 1
