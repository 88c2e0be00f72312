"""Tests of the n8n connection pool: reuse, stale connections and warming."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import pytest
from urllib3.util.wait import wait_for_read

from app.adapters import http_connections
from app.adapters.http_connections import DeadlineHTTPConnection
from app.adapters.n8n import N8nPublisher
from app.adapters.n8n_connections import MAX_IDLE_CONNECTIONS, N8nConnections
from app.domain.ports import Reply
from tests.adapters.conftest import Certificate
from tests.adapters.n8n_fixtures import (
    SUBMISSION,
    StoppedClock,
    closes_after_accept,
    full_backlog,
    publisher,
    says_raw,
)
from tests.adapters.servers import LOOPBACK, SocketServer, http_server, reset, says, socket_server
from tests.support.threads import TIMEOUT_SECONDS, wait_until


class TestIdleConnections:
    def test_idle_connection_is_reused(self) -> None:
        with http_server() as n8n:
            sender = publisher(n8n.url)
            for _ in range(3):
                assert sender.send(SUBMISSION).kind == "answered"
        assert n8n.connections == 1

    def test_connection_is_replaced_when_idle_for_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_connections, "MAX_IDLE_SECONDS", -1.0)
        with http_server() as n8n:
            sender = publisher(n8n.url)
            for _ in range(3):
                assert sender.send(SUBMISSION).kind == "answered"
        assert n8n.connections == 3

    @pytest.mark.parametrize("step", [http_connections.MAX_IDLE_SECONDS, 3600.0, -0.001, -3600.0])
    def test_connection_is_replaced_when_the_wall_clock_left_its_idle_time(
        self, monkeypatch: pytest.MonkeyPatch, step: float
    ) -> None:
        """The monotonic clock stands still while the machine is suspended, and a peer can vanish without a FIN."""
        wall = StoppedClock(monkeypatch)
        with http_server() as n8n:
            sender = publisher(n8n.url)
            for _ in range(2):
                assert sender.send(SUBMISSION).kind == "answered"
            assert n8n.connections == 1
            wall.seconds += step
            assert sender.send(SUBMISSION).kind == "answered"
        assert n8n.connections == 2

    def test_warmed_connection_is_replaced_after_a_suspension(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wall = StoppedClock(monkeypatch)
        with http_server() as n8n:
            sender = publisher(n8n.url)
            sender.warm(2)
            wall.seconds += 3600.0
            sender.warm(2)
            assert sender.send(SUBMISSION).kind == "answered"
            assert len(idle_connections(sender)) == 2
            wait_until(lambda: n8n.connections == 4)

    def test_idle_limit_is_below_the_five_seconds_of_nodejs(self) -> None:
        assert http_connections.MAX_IDLE_SECONDS <= 4.0

    @pytest.mark.usefixtures("no_idle_limit")
    @pytest.mark.parametrize("close", [closes_after_accept, reset])
    def test_connection_is_replaced_when_the_server_closes(self, close: Callable[..., None]) -> None:
        """A stale connection must not make the next send `unknown`."""
        closed = threading.Event()

        def script(conn: socket.socket, server: SocketServer) -> None:
            says_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")(conn, server)
            if server.connections == 1:
                close(conn, server) if close is closes_after_accept else close(conn)
                closed.set()

        with socket_server(script) as n8n:
            sender = publisher(n8n.url)
            assert sender.send(SUBMISSION).body == "ok"
            assert closed.wait(TIMEOUT_SECONDS)
            wait_until_stale(sender)
            assert sender.send(SUBMISSION).body == "ok"
        assert n8n.connections == 2

    def test_many_threads_share_the_pool(self) -> None:
        with http_server() as n8n:
            sender = publisher(n8n.url)
            replies: list[Reply] = []
            threads = [threading.Thread(target=lambda: replies.append(sender.send(SUBMISSION))) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert [reply.kind for reply in replies] == ["answered"] * 20
        assert len(n8n.seen) == 20

    def test_connections_beyond_the_limit_are_closed(self) -> None:
        with http_server() as n8n:
            pool = N8nConnections(n8n.url)
            headers = {"Content-Length": "0"}
            requests = [pool.prepare("POST", None, headers, 5.0) for _ in range(MAX_IDLE_CONNECTIONS + 1)]
            assert [request.send(b"", 5.0, 100).status for request in requests] == [200] * len(requests)
            assert pool._idle.qsize() == MAX_IDLE_CONNECTIONS
            assert [request._connection.is_closed for request in requests].count(True) == 1

    def test_connection_closed_by_the_answer_is_not_pooled(self) -> None:
        with http_server(says(200, {}, Connection="close")) as n8n:
            sender = publisher(n8n.url)
            assert sender.send(SUBMISSION).status == 200
            assert idle_connections(sender) == []
            assert sender.send(SUBMISSION).status == 200
        assert n8n.connections == 2

    def test_preparing_a_request_sends_nothing(self) -> None:
        with http_server() as n8n:
            connections = N8nConnections(n8n.url)
            request = connections.prepare("POST", None, {"Content-Length": "2"}, 5.0)
            whole = connections.prepare("POST", None, {"Content-Length": "2"}, 5.0)
            assert whole.send(b"[]", 5.0, 100).status == 200
            assert [seen.body for seen in n8n.seen] == [b"[]"]
            assert request.send(b"{}", 5.0, 100).status == 200
        assert [seen.body for seen in n8n.seen] == [b"[]", b"{}"]

    def test_pool_closes_its_connections_when_it_is_collected(self) -> None:
        with http_server() as n8n:
            pool = N8nConnections(n8n.url)
            pool.warm(5.0, 2)
            sockets = [conn.sock for conn in pool._idle.queue]
            del pool
            gc.collect()
        assert [sock.fileno() for sock in sockets] == [-1, -1]

    def test_ipv6_host_is_taken_without_brackets(self) -> None:
        plain, tls = N8nConnections("http://[::1]/x"), N8nConnections("https://[::1]/x")
        assert [(plain._host, plain._port), (tls._host, tls._port)] == [("::1", 80), ("::1", 443)]


def idle_connections(sender: N8nPublisher) -> list[Any]:
    return list(sender._connections._idle.queue)


def looks_alive_to_urllib3(conn: Any) -> bool:
    return not wait_for_read(conn.sock, timeout=0.0)


def wait_until_stale(sender: N8nPublisher) -> None:
    """Wait for the server's FIN or RST. Even loopback needs some time."""
    wait_until(lambda: not any(conn.is_connected for conn in idle_connections(sender)))


@pytest.fixture
def no_idle_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep idle connections, so that on a slow machine only the rule under test replaces one."""
    monkeypatch.setattr(http_connections, "MAX_IDLE_SECONDS", 10.0 * TIMEOUT_SECONDS)


class TestWarming:
    def test_send_uses_the_warmed_connection(self) -> None:
        with http_server() as n8n:
            sender = publisher(n8n.url)
            sender.warm()
            sender.warm()
            assert n8n.seen == []
            assert sender.send(SUBMISSION).status == 200
        assert n8n.connections == 1

    def test_warm_opens_the_requested_number_of_connections(self) -> None:
        with http_server() as n8n:
            sender = publisher(n8n.url)
            sender.warm(3)
            wait_until(lambda: n8n.connections == 3)
            sender.warm(3)
            assert (len(idle_connections(sender)), n8n.seen) == (3, [])
            assert sender.send(SUBMISSION).status == 200
        assert n8n.connections == 3

    def test_warm_returns_immediately_while_another_thread_warms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connecting, proceed = threading.Semaphore(0), threading.Event()
        connect = DeadlineHTTPConnection.connect

        def connect_slowly(conn: Any) -> None:
            connecting.release()
            assert proceed.wait(TIMEOUT_SECONDS)
            connect(conn)

        monkeypatch.setattr(DeadlineHTTPConnection, "connect", connect_slowly)
        with http_server() as n8n, ThreadPoolExecutor(2) as pool:
            sender = publisher(n8n.url)
            first = pool.submit(sender.warm)
            assert connecting.acquire(timeout=TIMEOUT_SECONDS)
            second = pool.submit(sender.warm)
            try:
                wait([second, first], TIMEOUT_SECONDS, FIRST_COMPLETED)
                assert (second.done(), first.done(), connecting.acquire(blocking=False)) == (True, False, False)
            finally:
                proceed.set()
            first.result(TIMEOUT_SECONDS)
            assert len(idle_connections(sender)) == 1

    @pytest.mark.usefixtures("no_idle_limit")
    def test_tls_connection_is_reused_when_session_tickets_are_unread(self, certificate: Certificate) -> None:
        with http_server(tls=certificate.context) as n8n:
            sender = publisher(n8n.url)
            sender.tls_verify = certificate.path
            sender.warm()
            [warmed] = idle_connections(sender)
            assert warmed.sock.version() == "TLSv1.3"
            wait_until(lambda: not looks_alive_to_urllib3(warmed))  # the tickets have arrived
            sender.warm()
            assert [sender.send(SUBMISSION).status for _ in range(3)] == [200] * 3
        assert n8n.connections == 1

    @pytest.mark.usefixtures("no_idle_limit")
    @pytest.mark.parametrize("unsolicited", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
    def test_tls_connection_is_replaced_when_the_server_closes(
        self, certificate: Certificate, unsolicited: bytes
    ) -> None:
        close = threading.Event()

        def script(conn: socket.socket, server: SocketServer) -> None:
            with certificate.context.wrap_socket(conn, server_side=True) as tls:
                if server.connections == 1:
                    close.wait(TIMEOUT_SECONDS)
                    tls.sendall(unsolicited)
                else:
                    says_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")(tls, server)

        with socket_server(script) as n8n:
            sender = publisher(n8n.url.replace("http:", "https:"))
            sender.tls_verify = certificate.path
            sender.warm()
            close.set()
            wait_until_stale(sender)
            assert sender.send(SUBMISSION).body == "ok"
        assert n8n.connections == 2

    def test_warm_does_not_raise_when_connecting_fails(self, certificate: Certificate) -> None:
        with socket.create_server((LOOPBACK, 0)) as closed:
            port = closed.getsockname()[1]
        sender = publisher(f"http://{LOOPBACK}:{port}")
        sender.warm()
        assert idle_connections(sender) == []
        with http_server(tls=certificate.context) as n8n:
            publisher(n8n.url).warm()

    def test_warm_ends_within_the_connect_timeout(self) -> None:
        with full_backlog() as url:
            started = time.monotonic()
            publisher(url, timeout=0.2).warm()
            assert time.monotonic() - started < TIMEOUT_SECONDS
