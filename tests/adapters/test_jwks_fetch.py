"""Tests of the fetch of published keys from a hostile or broken server on loopback."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import certifi
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt import PyJWKClientConnectionError
from jwt.algorithms import ECAlgorithm

from app.adapters.jwks import JwksClient
from tests.adapters.conftest import Certificate
from tests.adapters.servers import HttpServer, SocketServer, http_server, read_request, says, socket_server
from tests.support.threads import TIMEOUT_SECONDS

KEY = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())) | {"kid": "ec"}
KEY_SET = {"keys": [KEY]}
LIMIT = 512 * 1024
CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
SHORT_SECONDS = 0.4


@pytest.fixture
def provider() -> Iterator[HttpServer]:
    with http_server(says(200, KEY_SET)) as server:
        yield server


def fetched(url: str, seconds: float = 5.0) -> list[str | None]:
    """Return the ids of the published keys."""
    client = JwksClient(f"{url}/jwks.json", seconds)
    return [key.key_id for key in client.get_jwk_set().keys]


def refusal(url: str, seconds: float = 5.0) -> str:
    with pytest.raises(PyJWKClientConnectionError) as raised:
        fetched(url, seconds)
    return str(raised.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_redirect_is_refused_also_to_the_same_host(provider: HttpServer, status: int, elsewhere: bool) -> None:
    with http_server(says(200, KEY_SET)) as other:
        target = f"{(other if elsewhere else provider).url}/moved"
        provider.answer = says(status, KEY_SET, Location=target)
        problem = refusal(provider.url)
        assert f"redirect ({status})" in problem
        assert "final address" in problem
        assert (len(provider.seen), other.connections) == (1, 0)


def padded(size: int) -> bytes:
    text = json.dumps(KEY_SET).encode()
    return text + b" " * (size - len(text))


def test_body_at_the_limit_is_read(provider: HttpServer) -> None:
    provider.answer = lambda _: (200, {}, padded(LIMIT))
    assert fetched(provider.url) == ["ec"]


@pytest.mark.parametrize("size", [LIMIT + 1, 10_000_000])
def test_body_over_the_limit_is_refused(provider: HttpServer, size: int) -> None:
    provider.answer = lambda _: (200, {}, padded(size))
    assert f"longer than {LIMIT} bytes" in refusal(provider.url)


def test_endless_body_is_refused_after_the_limit() -> None:
    sent: list[int] = []

    def pour(conn: socket.socket, server: SocketServer) -> None:
        read_request(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(1_000):  # 64 MB
            conn.sendall(CHUNK)
            sent.append(1)
        conn.sendall(b"0\r\n\r\n")

    with socket_server(pour) as server:
        assert f"longer than {LIMIT} bytes" in refusal(server.url, TIMEOUT_SECONDS)
    assert len(sent) < 1_000


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
    ],
    ids=["body", "headers"],
)
def test_trickling_answer_ends_with_the_timeout(head: bytes) -> None:
    def drip(conn: socket.socket, server: SocketServer) -> None:
        read_request(conn)
        conn.sendall(head)
        until = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < until and not server.stop.wait(0.05):
            conn.sendall(b" ")

    with socket_server(drip) as server:
        started = time.monotonic()
        assert "TimeoutError" in refusal(server.url, SHORT_SECONDS)
        assert time.monotonic() - started < TIMEOUT_SECONDS / 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'"keys"',
        b"[" * 100_000,
        b"1" * 5_000,
        b'{"keys": 5}',
        b'{"keys": [5]}',
        b'{"keys": []}',
        b"\xff",
    ],
    ids=["empty", "html", "text", "nested", "number", "no list", "no key", "no keys", "no utf-8"],
)
def test_answer_that_is_no_key_set_is_refused_and_the_known_keys_stay(provider: HttpServer, body: bytes) -> None:
    client = JwksClient(f"{provider.url}/jwks.json")
    client.get_jwk_set()
    provider.answer = lambda _: (200, {}, body)
    with pytest.raises(PyJWKClientConnectionError):
        client.fetch_data()
    assert [key.key_id for key in client.get_jwk_set().keys] == ["ec"]
    assert len(provider.seen) == 2


def test_body_shorter_than_announced_is_refused(provider: HttpServer) -> None:
    body = json.dumps(KEY_SET).encode()
    provider.answer = lambda _: (200, {"Content-Length": str(len(body) + 1), "Connection": "close"}, body)
    assert "IncompleteRead" in refusal(provider.url)


def test_certificate_of_an_unknown_authority_is_refused(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_server(says(200, KEY_SET), certificate.context) as server:
        monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
        assert "certificate verify failed" in refusal(server.url)
        assert server.seen == []
        monkeypatch.setenv("SSL_CERT_FILE", certificate.path)  # added to the system's store
        assert fetched(server.url) == ["ec"]


def test_proxy_of_the_environment_is_used(provider: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", provider.url.replace("//", "//user:p%40ss@"))
    monkeypatch.setenv("no_proxy", "direct.example")
    assert fetched("http://keys.example") == ["ec"]
    seen: Any = provider.seen[0]
    assert seen.path == "http://keys.example/jwks.json"
    assert seen.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"user:p@ss").decode()
