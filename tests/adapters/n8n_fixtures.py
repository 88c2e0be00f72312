"""A submission, and scripts of servers that fail in different ways."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from app.adapters.n8n import N8nPublisher
from app.domain.ports import Reply, Submission
from app.settings.values import Settings
from tests.adapters.conftest import FrozenClock
from tests.adapters.servers import LOOPBACK, SocketServer, read_request, reset
from tests.support.threads import TIMEOUT_SECONDS

TOKEN = "AQX-access-token/with+signs"

SUBMISSION = Submission(
    post_id="p1",
    user_id="u1",
    access_token=TOKEN,
    person_urn="urn:li:person:abc",
    content='Grüße 👋 "quoted" <b>\nline',
    image_url=None,
    platform="linkedin",
    post_type="post",
    media=({"url": "https://x.example/ü.png", "type": "image"},),
    scheduled_at=datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
    attempt=2,
    idempotency_key="p1-2",
    callback_url="https://punctual.example/api/webhooks/publish-status",
    claim_url=None,
)


class StoppedClock:
    """The wall clock of the whole process. It moves only when a test changes `seconds`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1_800_000_000.0
        monkeypatch.setattr(time, "time", lambda: self.seconds)


def publisher(url: str, timeout: float = 5.0, **settings: Any) -> N8nPublisher:
    clock = FrozenClock(datetime(2026, 12, 1, 8, 0, tzinfo=UTC))
    return N8nPublisher(Settings(n8n_webhook_url=url, n8n_timeout_seconds=timeout, **settings), clock)


def send(url: str, timeout: float = 5.0, **settings: Any) -> Reply:
    return publisher(url, timeout, **settings).send(SUBMISSION)


Script = Callable[[socket.socket, SocketServer], None]


def says_raw(*parts: bytes, pause: float = 0.0, forever: bool = False) -> Script:
    def script(conn: socket.socket, server: SocketServer) -> None:
        read_request(conn)
        end = time.monotonic() + 2 * TIMEOUT_SECONDS  # a client without a time limit then fails its test
        while True:
            for part in parts:
                conn.sendall(part)
                server.stop.wait(pause)
            if not forever or server.stop.is_set() or time.monotonic() > end:
                return

    return script


def closes_after_accept(conn: socket.socket, _: SocketServer) -> None:
    conn.shutdown(socket.SHUT_RDWR)


def closes_after_request(conn: socket.socket, _: SocketServer) -> None:
    read_request(conn)


def resets_unread(conn: socket.socket, _: SocketServer) -> None:
    conn.recv(1, socket.MSG_PEEK)  # wait for a byte: an earlier reset can fail the connect itself
    reset(conn)


def resets_after_request(conn: socket.socket, _: SocketServer) -> None:
    read_request(conn)
    reset(conn)


def closes_after_hello(conn: socket.socket, _: SocketServer) -> None:
    conn.recv(65536)


def resets_after_hello(conn: socket.socket, _: SocketServer) -> None:
    conn.recv(65536)
    reset(conn)


def never_answers(conn: socket.socket, server: SocketServer) -> None:
    read_request(conn)
    server.stop.wait(2 * TIMEOUT_SECONDS)


def never_reads(conn: socket.socket, server: SocketServer) -> None:
    server.stop.wait(2 * TIMEOUT_SECONDS)


@contextmanager
def full_backlog() -> Iterator[str]:
    """Yield the URL of a listener with a full queue: connecting to it hangs."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        clients = []
        for _ in range(4):
            clients.append(socket.socket())
            clients[-1].setblocking(False)
            clients[-1].connect_ex(listener.getsockname())
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        for sock in clients:
            sock.close()
