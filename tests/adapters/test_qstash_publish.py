"""Tests of QStashMessages.publish against a recording server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.adapters.qstash import QStashMessages
from app.adapters.qstash_client import QStashClient
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
from tests.support.threads import TIMEOUT_SECONDS, wait_until


class TestPublish:
    def test_publish_sends_every_option(self) -> None:
        with http_server(accepts) as qstash:
            assert messages(qstash.url).publish(alarm()) == "msg_1"
        [seen] = qstash.seen
        assert (seen.method, seen.path) == ("POST", f"/v2/publish/{BASE}/api/posts/dispatch")
        assert seen.body == b'{"postId":"p1","userId":"u1","generation":3,"notBefore":1796112000}'
        wanted = {
            "authorization": f"Bearer {TOKEN}",
            "content-type": "application/json",
            "upstash-not-before": "1796112000",
            "upstash-retries": "3",
            "upstash-timeout": "75s",
            "upstash-failure-callback": f"{BASE}/api/posts/dispatch-failed",
            "upstash-deduplication-id": "p1-3-2",
            "upstash-label": "post-p1",
        }
        assert {name: seen.headers.get(name) for name in wanted} == wanted
        sent = {name for name in seen.headers if name.startswith("upstash-")}
        assert sent == {name for name in wanted if name.startswith("upstash-")}

    def test_secrets_are_forwarded_to_both_routes_when_set(self) -> None:
        secrets = {"internal_api_secret": "internal-secret-123", "vercel_automation_bypass_secret": "bypass-123"}
        with http_server(accepts) as qstash:
            messages(qstash.url, **secrets).publish(alarm())
        headers = qstash.seen[0].headers
        for prefix in ("upstash-forward-", "upstash-failure-callback-forward-"):
            assert headers[f"{prefix}x-internal-secret"] == "internal-secret-123"
            assert headers[f"{prefix}x-vercel-protection-bypass"] == "bypass-123"

    def test_flow_control_is_sent_when_parallelism_is_set(self) -> None:
        with http_server(accepts) as qstash:
            messages(qstash.url, n8n_parallelism=4).publish(alarm())
        assert qstash.seen[0].headers["upstash-flow-control-key"] == "punctual-n8n"
        assert qstash.seen[0].headers["upstash-flow-control-value"] == "parallelism=4"

    def test_retries_are_sent_even_when_zero(self) -> None:
        with http_server(accepts) as qstash:
            messages(qstash.url, qstash_retries=0).publish(alarm())
        assert qstash.seen[0].headers["upstash-retries"] == "0"

    def test_timeout_covers_the_wait_and_n8n(self) -> None:
        with http_server(accepts) as qstash:
            messages(qstash.url, dispatch_lead_seconds=2.5, n8n_timeout_seconds=120).publish(alarm())
        assert qstash.seen[0].headers["upstash-timeout"] == "153s"

    def test_duplicate_returns_the_id_of_the_first_message(self) -> None:
        with http_server(says(202, {"messageId": "msg_first", "deduplicated": True})) as qstash:
            assert messages(qstash.url).publish(alarm()) == "msg_first"

    def test_threads_share_one_client(self) -> None:
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
            *((says(200, {"messageId": wrong}), "broken_answer") for wrong in ("../x", ".", "a b", "a\0", "x" * 256)),
            (says(200, None), "broken_answer"),
            (says(200, "text"), "broken_answer"),
            (says(200, [{"messageId": "msg_1", "url": "x"}]), "broken_answer"),
            (lambda _: (200, {"Content-Encoding": "gzip"}, b"not gzip"), "broken_answer"),
        ],
    )
    def test_answer_maps_to_its_error_code(self, answer: Callable[[Seen], Answer], code: str) -> None:
        with http_server(answer) as qstash:
            assert failure(qstash.url).code == code

    def test_detail_has_the_error_text_of_qstash(self) -> None:
        with http_server(refuses(400, "invalid destination url")) as qstash:
            assert failure(qstash.url).detail == "400 invalid destination url"

    def test_refused_connection_is_unreachable(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as closed:
            port = closed.getsockname()[1]
        assert failure(f"http://{LOOPBACK}:{port}").code == "unreachable"

    def test_error_text_has_no_secret_when_qstash_echoes_it(self) -> None:
        with http_server(refuses(400, f"bad header: Bearer {TOKEN} internal-secret-123")) as qstash:
            error = failure(qstash.url, internal_api_secret="internal-secret-123")
        assert TOKEN not in str(error)
        assert "internal-secret-123" not in str(error)
        assert error.__cause__ is None

    def test_answer_with_an_error_status_is_not_retried(self) -> None:
        with http_server(refuses(503, "maintenance")) as qstash:
            failure(qstash.url)
        assert len(qstash.seen) == 1

    @pytest.mark.parametrize("error", [Exception("?"), KeyError("messageId"), RecursionError(), OSError("gone")])
    def test_unknown_exceptions_get_a_known_code(self, error: Exception) -> None:
        assert translate(error, []).code in ("broken_answer", "unreachable")

    def test_url_without_http_is_refused(self) -> None:
        assert failure("ftp://qstash.example").code == "refused"


def hangs(conn: socket.socket, server: SocketServer) -> None:
    read_request(conn)
    server.stop.wait(2 * TIMEOUT_SECONDS)


class TestBounds:
    """Time limits of QStashClient. The SDK's own client would wait 600 s."""

    def test_each_try_gets_half_of_the_time_without_the_pause(self) -> None:
        timeout = QStashClient(TOKEN, "http://127.0.0.1:9", 4.1)._http.timeout
        assert [timeout.connect, timeout.read, timeout.write] == pytest.approx([2.0] * 3)

    def test_sdk_cannot_bypass_the_client(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("qstash.http.HttpClient.__init__", lambda *_, **__: pytest.fail("the SDK's own client"))
        with http_server(accepts) as qstash:
            assert messages(qstash.url).publish(alarm()) == "msg_1"
        assert len(qstash.seen) == 1

    @pytest.mark.parametrize("call", ["publish", "publish_batch", "cancel", "check"])
    def test_every_call_ends_in_time(self, call: str) -> None:
        arguments: dict[str, Any] = {
            "publish": [alarm()],
            "publish_batch": [[alarm()]],
            "cancel": ["msg_1"],
            "check": [],
        }
        with socket_server(hangs) as qstash:
            service = messages(qstash.url, qstash_timeout_seconds=0.5)
            started = time.monotonic()
            try:
                outcome = getattr(service, call)(*arguments[call])
            except MessageServiceError as error:
                outcome = error.code
            assert 0.4 < time.monotonic() - started < TIMEOUT_SECONDS
            wait_until(lambda: qstash.connections >= 2)  # the server may accept them later than the client opens them
        assert "unreachable" in str(outcome) or "cannot be reached" in str(outcome)
        assert qstash.connections == 2

    def test_client_pauses_between_tries_but_not_after_the_last(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept: list[float] = []
        monkeypatch.setattr("app.adapters.qstash_client.time.sleep", slept.append)
        with socket.create_server((LOOPBACK, 0)) as closed:
            port = closed.getsockname()[1]
        assert failure(f"http://{LOOPBACK}:{port}").code == "unreachable"
        assert slept == [0.1]

    def test_lost_answer_is_retried_with_the_same_deduplication_id(self) -> None:
        def script(conn: socket.socket, server: SocketServer) -> None:
            ids.append(read_request(conn).lower().partition(b"upstash-deduplication-id: ")[2][:6])
            if server.connections > 1:
                conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"messageId":"msg_2"}')

        ids: list[bytes] = []
        with socket_server(script) as qstash:
            assert messages(qstash.url).publish(alarm()) == "msg_2"
        assert ids == [b"p1-3-2"] * 2


def test_service_without_a_token_is_refused() -> None:
    with pytest.raises(ValueError, match="QSTASH_TOKEN"):
        QStashMessages(Settings())


class TestSuspension:
    """A suspended machine: the wall clock goes on, the monotonic clock stands still."""

    def test_connection_is_kept_while_the_machine_runs(self) -> None:
        with http_server(accepts) as qstash:
            client = messages(qstash.url)
            client.publish(alarm())
            client.publish(alarm())
        assert qstash.connections == 1

    @pytest.mark.parametrize("seconds", [2.0, 3600.0, -3600.0])
    def test_connection_from_before_a_suspension_or_a_clock_step_is_not_used_again(
        self, seconds: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wall = time.time
        with http_server(accepts) as qstash:
            client = messages(qstash.url)
            for _ in range(2):
                client.publish(alarm())
            for step in (1, 2, 3):
                monkeypatch.setattr(time, "time", lambda by=step * seconds: wall() + by)
                for _ in range(2):
                    client.publish(alarm())
                assert qstash.connections == 1 + step

    def test_request_in_flight_survives_the_renewal_of_the_client(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wall, arrived, may_answer = time.time, threading.Event(), threading.Event()

        def slow(seen: Seen) -> Answer:
            if not arrived.is_set():
                arrived.set()
                assert may_answer.wait(TIMEOUT_SECONDS)
            return accepts(seen)

        with http_server(slow) as qstash:
            client = messages(qstash.url)
            found: list[str] = []
            first = threading.Thread(target=lambda: found.append(client.publish(alarm())))
            first.start()
            assert arrived.wait(TIMEOUT_SECONDS)
            monkeypatch.setattr(time, "time", lambda: wall() + 3600)
            assert client.publish(alarm())
            may_answer.set()
            first.join(TIMEOUT_SECONDS)
        assert len(found) == 1
        assert len(qstash.seen) == 2
