"""QStashMessages.publish against a server that records what the SDK really puts on the wire."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.adapters.qstash import QStashMessages, bounded_client
from app.adapters.qstash_errors import translate
from app.domain.ports import MessageServiceError
from app.settings.values import Settings
from tests.adapters.qstash_fixtures import BASE, TOKEN, Answer, accepts, alarm, failure, messages, refuses
from tests.adapters.servers import (
    LOOPBACK,
    Seen,
    SocketServer,
    http_server,
    read_request,
    says,
    socket_server,
)


class TestPublish:
    def test_puts_all_of_it_on_the_wire(self) -> None:
        with http_server(accepts) as qstash:
            assert messages(qstash.url).publish(alarm()) == "msg_1"
        [seen] = qstash.seen
        assert (seen.method, seen.path) == ("POST", f"/v2/publish/{BASE}/api/posts/dispatch")
        assert seen.body == b'{"postId":"p1","userId":"u1","generation":3}'
        wanted = {
            "authorization": f"Bearer {TOKEN}",
            "content-type": "application/json",
            "upstash-not-before": "1796112000",
            "upstash-retries": "3",
            "upstash-timeout": "61s",
            "upstash-failure-callback": f"{BASE}/api/posts/dispatch-failed",
            "upstash-deduplication-id": "p1-3-2",
            "upstash-label": "post-p1",
        }
        assert {name: seen.headers.get(name) for name in wanted} == wanted
        sent = {name for name in seen.headers if name.startswith("upstash-")}
        assert sent == {name for name in wanted if name.startswith("upstash-")}

    def test_forwards_secrets_to_both_routes_where_they_are_set(self) -> None:
        secrets = {"internal_api_secret": "internal-secret-123", "vercel_automation_bypass_secret": "bypass-123"}
        with http_server(accepts) as qstash:
            messages(qstash.url, **secrets).publish(alarm())
        headers = qstash.seen[0].headers
        for prefix in ("upstash-forward-", "upstash-failure-callback-forward-"):
            assert headers[f"{prefix}x-internal-secret"] == "internal-secret-123"
            assert headers[f"{prefix}x-vercel-protection-bypass"] == "bypass-123"

    def test_has_a_flow_control_key_only_where_parallelism_is_set(self) -> None:
        with http_server(accepts) as qstash:
            messages(qstash.url, n8n_parallelism=4).publish(alarm())
        assert qstash.seen[0].headers["upstash-flow-control-key"] == "punctual-n8n"
        assert qstash.seen[0].headers["upstash-flow-control-value"] == "parallelism=4"

    def test_says_how_many_retries_even_none(self) -> None:
        with http_server(accepts) as qstash:
            messages(qstash.url, qstash_retries=0).publish(alarm())
        assert qstash.seen[0].headers["upstash-retries"] == "0"

    def test_asks_for_a_timeout_that_covers_a_long_wait_and_a_slow_n8n(self) -> None:
        with http_server(accepts) as qstash:
            messages(qstash.url, dispatch_lead_seconds=2.5, n8n_timeout_seconds=120).publish(alarm())
        assert qstash.seen[0].headers["upstash-timeout"] == "153s"

    def test_takes_the_first_ones_id_for_a_duplicate(self) -> None:
        with http_server(says(202, {"messageId": "msg_first", "deduplicated": True})) as qstash:
            assert messages(qstash.url).publish(alarm()) == "msg_first"

    def test_is_shared_by_threads(self) -> None:
        with http_server(accepts) as qstash:
            shared, ids = messages(qstash.url), []
            threads = [threading.Thread(target=lambda: ids.append(shared.publish(alarm()))) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert ids == ["msg_1"] * 16


class TestFailures:
    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (refuses(401, "unable to authenticate: invalid token"), "unauthorized"),
            (refuses(403, "forbidden"), "unauthorized"),
            (refuses(412, "quota maxDelay exceeded, current limit: 604800"), "beyond_horizon"),
            (refuses(400, "quota maxDelay exceeded, current limit: 604800"), "beyond_horizon"),
            (refuses(412, "quota maxRetries exceeded"), "refused"),
            (refuses(429, "daily", RateLimit_Limit="1000", RateLimit_Remaining="0"), "quota_exceeded"),
            (refuses(429, "burst", Burst_RateLimit_Limit="100"), "rate_limited"),
            (refuses(400, "invalid destination url: endpoint resolves to a loopback address"), "refused"),
            (refuses(404, "not found"), "refused"),
            (refuses(500, "oops"), "unreachable"),
            (refuses(503, "maintenance"), "unreachable"),
            (says(302, {}, Location="http://elsewhere.example"), "refused"),
            (lambda _: (400, {}, b"<html>a proxy's page"), "refused"),
            (lambda _: (200, {}, b""), "broken_answer"),
            (lambda _: (200, {}, b"<html>a login page"), "broken_answer"),
            (says(200, {}), "broken_answer"),
            (says(200, {"messageId": None}), "broken_answer"),
            (says(200, {"messageId": ""}), "broken_answer"),
            (says(200, {"messageId": 5}), "broken_answer"),
            (says(200, None), "broken_answer"),
            (says(200, "text"), "broken_answer"),
            (says(200, [{"messageId": "msg_1", "url": "x"}]), "broken_answer"),
            (lambda _: (200, {"Content-Encoding": "gzip"}, b"not gzip"), "broken_answer"),
        ],
    )
    def test_each_has_its_code(self, answer: Callable[[Seen], Answer], code: str) -> None:
        with http_server(answer) as qstash:
            assert failure(qstash.url).code == code

    def test_the_detail_is_what_qstash_said(self) -> None:
        with http_server(refuses(400, "invalid destination url")) as qstash:
            assert failure(qstash.url).detail == "400 invalid destination url"

    def test_a_refused_connection_is_unreachable(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as closed:
            port = closed.getsockname()[1]
        assert failure(f"http://{LOOPBACK}:{port}").code == "unreachable"

    def test_no_secret_is_in_the_text_even_if_qstash_echoes_it(self) -> None:
        with http_server(refuses(400, f"bad header: Bearer {TOKEN} internal-secret-123")) as qstash:
            error = failure(qstash.url, internal_api_secret="internal-secret-123")
        assert TOKEN not in str(error)
        assert "internal-secret-123" not in str(error)
        assert error.__cause__ is None

    def test_a_refusal_is_not_tried_again(self) -> None:
        with http_server(refuses(503, "maintenance")) as qstash:
            failure(qstash.url)
        assert len(qstash.seen) == 1

    @pytest.mark.parametrize("error", [Exception("?"), KeyError("messageId"), RecursionError(), OSError("gone")])
    def test_nothing_else_comes_out(self, error: Exception) -> None:
        assert translate(error, []).code in ("broken_answer", "unreachable")

    def test_a_bad_address_is_refused(self) -> None:
        assert failure("ftp://qstash.example").code == "refused"


def hangs(conn: socket.socket, server: SocketServer) -> None:
    read_request(conn)
    server.stop.wait(10)


class TestBounds:
    """The SDK waits 600 s for an answer and has no option for it; these fail if what we replace ever moves."""

    def test_the_sdks_own_client_is_the_one_we_bound(self) -> None:
        inner = bounded_client(TOKEN, "http://127.0.0.1:9", 4.1).http._client
        assert isinstance(inner, httpx.Client)
        assert [inner.timeout.connect, inner.timeout.read, inner.timeout.write] == pytest.approx([2.0] * 3)

    @pytest.mark.parametrize("call", ["publish", "publish_batch", "cancel", "check"])
    def test_every_call_gives_up_in_time(self, call: str) -> None:
        arguments: dict[str, Any] = {
            "publish": [alarm()],
            "publish_batch": [[alarm()]],
            "cancel": ["msg_1"],
            "check": [],
        }
        with socket_server(hangs) as qstash:
            service = messages(qstash.url, qstash_timeout_seconds=0.5)
            bounded_client(TOKEN, qstash.url, 1)  # the import is not what is measured
            started = time.monotonic()
            try:
                outcome = getattr(service, call)(*arguments[call])
            except MessageServiceError as error:
                outcome = error.code
            assert 0.4 < time.monotonic() - started < 3
        assert "unreachable" in str(outcome) or "cannot be reached" in str(outcome)
        assert qstash.connections == 2

    def test_there_is_a_pause_between_tries_and_none_after_the_last(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept: list[float] = []
        monkeypatch.setattr("qstash.http.time.sleep", slept.append)
        with socket.create_server((LOOPBACK, 0)) as closed:
            port = closed.getsockname()[1]
        assert failure(f"http://{LOOPBACK}:{port}").code == "unreachable"
        assert slept == [0.1, 0.0]

    def test_a_lost_answer_is_published_again_under_the_same_deduplication_id(self) -> None:
        def script(conn: socket.socket, server: SocketServer) -> None:
            ids.append(read_request(conn).lower().partition(b"upstash-deduplication-id: ")[2][:6])
            if server.connections > 1:
                conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"messageId":"msg_2"}')

        ids: list[bytes] = []
        with socket_server(script) as qstash:
            assert messages(qstash.url).publish(alarm()) == "msg_2"
        assert ids == [b"p1-3-2"] * 2


def test_without_a_token_there_is_no_service() -> None:
    with pytest.raises(ValueError, match="QSTASH_TOKEN"):
        QStashMessages(Settings())
