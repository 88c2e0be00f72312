"""Tests of N8nPublisher on network failures: `unknown` if n8n may have the request, else `not_sent`."""

from __future__ import annotations

import dataclasses
import io
import socket
import time
from unittest import mock

import pytest

from app.adapters import http_connections
from app.domain.ports import Reply
from tests.adapters.conftest import Certificate
from tests.adapters.n8n_fixtures import (
    SUBMISSION,
    Script,
    closes_after_accept,
    closes_after_hello,
    closes_after_request,
    full_backlog,
    never_answers,
    never_reads,
    publisher,
    resets_after_hello,
    resets_after_request,
    resets_unread,
    says_raw,
    send,
)
from tests.adapters.servers import LOOPBACK, http_server, socket_server
from tests.support.threads import TIMEOUT_SECONDS


class TestUnknown:
    @pytest.mark.parametrize(
        "script",
        [
            closes_after_accept,
            closes_after_request,
            resets_unread,
            resets_after_request,
            says_raw(b"HTTP/1.1 2"),
            says_raw(b"SSH-2.0-OpenSSH\r\n"),
            says_raw(b"\x16\x03\x01\x00\x00"),
            says_raw(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n"),
        ],
        ids=[
            "closed after accept",
            "closed after the request",
            "reset with the request unread",
            "reset after the request",
            "half a status",
            "another protocol",
            "TLS",
            "endless header",
        ],
    )
    def test_reply_is_unknown_when_the_answer_is_lost(self, script: Script) -> None:
        with socket_server(script) as n8n:
            reply = send(n8n.url)
        assert (reply.kind, reply.status) == ("unknown", None)
        assert reply.error
        assert n8n.connections == 1  # sent once: no retry

    @pytest.mark.parametrize(
        "script",
        [
            never_answers,
            says_raw(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", pause=0.05, forever=True),
            says_raw(b"H", b"T", b"T", b"P", b"/", b"1", b".", b"1", pause=0.1, forever=True),
        ],
        ids=["silence", "dripping headers", "dripping status"],
    )
    def test_timeout_bounds_the_whole_answer(self, script: Script) -> None:
        with socket_server(script) as n8n:
            started = time.monotonic()
            reply = send(n8n.url, timeout=0.3)
            took = time.monotonic() - started
        assert reply.kind == "unknown"
        assert 0.29 < took < TIMEOUT_SECONDS

    def test_each_read_gets_the_remaining_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seconds = iter([100.0, 101.0, 104.5, 105.0])
        monkeypatch.setattr("app.adapters.http_connections.time.monotonic", lambda: next(seconds))
        sock = mock.Mock(gettimeout=lambda: 5.0)
        reader = http_connections._DeadlineReader(io.BytesIO(b"answer"), sock)  # type: ignore[arg-type]
        reader.readinto(bytearray(2))
        reader.readinto(bytearray(2))
        assert [call.args[0] for call in sock.settimeout.call_args_list] == [4.0, 0.5]
        with pytest.raises(TimeoutError):
            reader.readinto(bytearray(2))

    def test_reply_is_unknown_when_the_server_reads_nothing(self) -> None:
        with socket_server(never_reads) as n8n:
            huge = dataclasses.replace(SUBMISSION, content="x" * 30_000_000)
            assert publisher(n8n.url, timeout=0.3).send(huge).kind == "unknown"


class TestNotSent:
    def assert_not_sent(self, reply: Reply, error: str, *, misconfigured: bool = False) -> None:
        assert (reply.kind, reply.status, reply.misconfigured) == ("not_sent", None, misconfigured)
        assert error in reply.error

    def test_reply_is_not_sent_when_the_connection_is_refused(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as closed:
            port = closed.getsockname()[1]
        self.assert_not_sent(send(f"http://{LOOPBACK}:{port}"), "ConnectionRefusedError")

    def test_reply_is_not_sent_when_the_name_does_not_resolve(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", fail)
        self.assert_not_sent(send("http://n8n.invalid/webhook/x"), "Name or service not known", misconfigured=True)

    def test_reply_is_not_sent_when_the_name_is_invalid(self) -> None:
        self.assert_not_sent(send(f"http://{'a' * 80}.example/"), "", misconfigured=True)

    def test_reply_is_not_sent_when_connecting_times_out(self) -> None:
        with full_backlog() as url:
            started = time.monotonic()
            self.assert_not_sent(send(url, timeout=0.3), "timed out")
            assert time.monotonic() - started < TIMEOUT_SECONDS

    def test_reply_is_not_sent_when_the_port_speaks_no_tls(self) -> None:
        with http_server() as n8n:
            self.assert_not_sent(send(n8n.url.replace("http:", "https:")), "SSL", misconfigured=True)
        assert n8n.seen == []

    def test_reply_is_not_sent_when_the_certificate_is_untrusted(self, certificate: Certificate) -> None:
        with http_server(tls=certificate.context) as n8n:
            self.assert_not_sent(send(n8n.url), "CERTIFICATE_VERIFY_FAILED", misconfigured=True)
        assert n8n.seen == []

    @pytest.mark.parametrize("script", [closes_after_hello, resets_after_hello])
    def test_reply_is_not_sent_when_the_handshake_is_cut(self, script: Script) -> None:
        with socket_server(script) as n8n:
            self.assert_not_sent(send(n8n.url.replace("http:", "https:")), "")
        assert n8n.connections == 1

    def test_reply_is_not_sent_when_the_handshake_times_out(self) -> None:
        with socket_server(never_reads) as n8n:
            started = time.monotonic()
            self.assert_not_sent(send(n8n.url.replace("http:", "https:"), timeout=0.3), "timed out")
            assert time.monotonic() - started < TIMEOUT_SECONDS

    def test_reply_is_not_sent_when_a_header_is_illegal(self) -> None:
        self.assert_not_sent(send(f"http://{LOOPBACK}:9", n8n_webhook_auth_header="X-A: b\r\nX-C: d"), "")
