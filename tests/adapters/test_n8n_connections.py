"""Connections kept and opened ahead: a stale one must never make a send an unknown one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from urllib3.util.wait import wait_for_read

from app.adapters import n8n_connections
from app.adapters.n8n import N8nPublisher
from app.domain.ports import Reply
from tests.adapters.conftest import Certificate
from tests.adapters.n8n_fixtures import SUBMISSION, closes_after_accept, full_backlog, publisher, says_raw
from tests.adapters.servers import LOOPBACK, SocketServer, http_server, reset, socket_server
from tests.support.threads import until


class TestIdleConnections:
    def test_are_used_again(self) -> None:
        with http_server() as n8n:
            sender = publisher(n8n.url)
            for _ in range(3):
                assert sender.send(SUBMISSION).kind == "answered"
        assert n8n.connections == 1

    def test_that_were_idle_for_too_long_are_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(n8n_connections, "MAX_IDLE_SECONDS", -1.0)
        with http_server() as n8n:
            sender = publisher(n8n.url)
            for _ in range(3):
                assert sender.send(SUBMISSION).kind == "answered"
        assert n8n.connections == 3

    def test_are_trusted_for_less_than_nodes_five_seconds(self) -> None:
        assert n8n_connections.MAX_IDLE_SECONDS <= 4.0

    @pytest.mark.parametrize("hang_up", [closes_after_accept, reset])
    def test_that_the_other_side_closed_are_noticed(self, hang_up: Callable[..., None]) -> None:
        """A server that answers with keep-alive and then hangs up must not make the next send an unknown one."""
        closed = threading.Event()

        def script(conn: socket.socket, server: SocketServer) -> None:
            says_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")(conn, server)
            if server.connections == 1:
                hang_up(conn, server) if hang_up is closes_after_accept else hang_up(conn)
                closed.set()

        with socket_server(script) as n8n:
            sender = publisher(n8n.url)
            assert sender.send(SUBMISSION).body == "ok"
            assert closed.wait(5)
            wait_for_hang_up(sender)
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


def idle_connections(sender: N8nPublisher) -> list[Any]:
    pool: Any = sender._exchanges._pool.pool
    return [conn for conn in list(pool.queue) if conn is not None and not conn.is_closed]


def looks_alive_to_urllib3(conn: Any) -> bool:
    return not wait_for_read(conn.sock, timeout=0.0)


def wait_for_hang_up(sender: N8nPublisher) -> None:
    """Loopback is quick, yet not instant: until the FIN is here, there is nothing that anyone could notice."""
    until = time.monotonic() + 2  # less than MAX_IDLE_SECONDS, which would end the connection by another rule
    while any(conn.is_connected for conn in idle_connections(sender)):
        assert time.monotonic() < until, "the hang-up was not noticed"
        time.sleep(0.001)


class TestWarming:
    def test_opens_the_connection_that_the_send_then_uses(self) -> None:
        with http_server() as n8n:
            sender = publisher(n8n.url)
            sender.warm()
            sender.warm()
            assert n8n.seen == []
            assert sender.send(SUBMISSION).status == 200
        assert n8n.connections == 1

    def test_opens_as_many_as_will_be_needed_at_once(self) -> None:
        with http_server() as n8n:
            sender = publisher(n8n.url)
            sender.warm(3)
            until(lambda: n8n.connections == 3)
            sender.warm(3)
            assert (len(idle_connections(sender)), n8n.seen) == (3, [])
            assert sender.send(SUBMISSION).status == 200
        assert n8n.connections == 3

    def test_is_not_done_twice_at_once(self) -> None:
        with full_backlog() as url, ThreadPoolExecutor(1) as pool:
            sender = publisher(url, timeout=1.0)
            busy = pool.submit(sender.warm)
            until(sender._exchanges._warming.locked)
            started = time.monotonic()
            sender.warm()
            assert time.monotonic() - started < 0.5
            assert not busy.done()

    def test_works_with_tls_13_whose_tickets_look_like_a_hang_up(self, certificate: Certificate) -> None:
        with http_server(tls=certificate.context) as n8n:
            sender = publisher(n8n.url)
            sender.tls_verify = certificate.path
            sender.warm()
            [warmed] = idle_connections(sender)
            assert warmed.sock.version() == "TLSv1.3"
            until = time.monotonic() + 5
            while looks_alive_to_urllib3(warmed) and time.monotonic() < until:
                time.sleep(0.001)  # until the tickets are here
            sender.warm()
            assert [sender.send(SUBMISSION).status for _ in range(3)] == [200] * 3
        assert n8n.connections == 1

    @pytest.mark.parametrize("last_words", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
    def test_does_not_hide_that_a_tls_server_hung_up(self, certificate: Certificate, last_words: bytes) -> None:
        hang_up = threading.Event()

        def script(conn: socket.socket, server: SocketServer) -> None:
            with certificate.context.wrap_socket(conn, server_side=True) as tls:
                if server.connections == 1:
                    hang_up.wait(5)
                    tls.sendall(last_words)
                else:
                    says_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")(tls, server)

        with socket_server(script) as n8n:
            sender = publisher(n8n.url.replace("http:", "https:"))
            sender.tls_verify = certificate.path
            sender.warm()
            hang_up.set()
            wait_for_hang_up(sender)
            assert sender.send(SUBMISSION).body == "ok"
        assert n8n.connections == 2

    def test_never_raises(self, certificate: Certificate) -> None:
        with socket.create_server((LOOPBACK, 0)) as closed:
            port = closed.getsockname()[1]
        sender = publisher(f"http://{LOOPBACK}:{port}")
        sender.warm()
        assert idle_connections(sender) == []
        with http_server(tls=certificate.context) as n8n:
            publisher(n8n.url).warm()

    def test_is_bounded(self) -> None:
        with full_backlog() as url:
            started = time.monotonic()
            publisher(url, timeout=0.2).warm()
            assert time.monotonic() - started < 2
