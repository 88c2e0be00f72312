"""Tests of HttpMediaFiles: what a host tells of a file, forbidden addresses and bounds."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from app.adapters.media_files import HEAD_BYTES, HttpMediaFiles
from app.domain.ports import FoundFile
from tests.adapters.media_fixtures import Answer, answers, resolver
from tests.adapters.n8n_fixtures import never_answers, says_raw
from tests.adapters.servers import Seen, SocketServer, http_server, read_request, socket_server
from tests.domain.test_image_size import JPEG, PNG
from tests.support.threads import TIMEOUT_SECONDS


def inspect(url: str, seconds: float = 5.0, *, loopback: bool = True, **known: str) -> FoundFile:
    (found,) = HttpMediaFiles(allow_loopback=loopback, resolve=resolver(**known)).inspect([url], seconds)
    return found


def serves(status: int, body: bytes, **headers: str) -> Callable[[Seen], Answer]:
    return lambda _: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def test_one_get_of_the_first_bytes_tells_type_size_and_pixels():
    with http_server(serves(206, PNG, Content_Type="image/png", Content_Range="bytes 0-99/123456")) as server:
        assert inspect(f"{server.url}/a.png?sig=1") == FoundFile("fine", 206, "image/png", 123456, 640, 480)
        (seen,) = server.seen
    assert (seen.method, seen.path, seen.headers["range"]) == ("GET", "/a.png?sig=1", f"bytes=0-{HEAD_BYTES - 1}")
    assert seen.headers["accept-encoding"] == "identity"


def test_host_without_ranges_tells_the_size_by_its_length():
    with http_server(serves(200, JPEG, Content_Type="application/octet-stream; x=y")) as server:
        assert inspect(server.url) == FoundFile("fine", 200, "image/jpeg", len(JPEG), 640, 480)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, FoundFile("gone", 404)), (403, FoundFile("unknown", 403)), (416, FoundFile("fine", 416, size=0))],
)
def test_refusal_of_the_host_is_told_by_its_status(status: int, expected: FoundFile):
    with http_server(answers(status)) as server:
        assert inspect(f"{server.url}/a.jpg") == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "image/png, text/html\t<x>", "Content_Range": "bytes 0-9/*"},
        {"Content_Type": "x" * 500, "Content_Range": "nonsense"},
        {"Content_Type": "", "Content_Range": f"bytes 0-9/{'9' * 40}"},
    ],
)
def test_nonsense_in_headers_is_left_out(headers: dict[str, str]):
    with http_server(serves(206, b"text", **headers)) as server:
        assert inspect(server.url) == FoundFile("fine", 206)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254"])
def test_non_public_address_is_never_contacted(address: str):
    with http_server() as server:
        port = server.url.rpartition(":")[2]
        assert inspect(f"http://cdn.test:{port}/a", loopback=False, cdn_test=address) == FoundFile("not_public")
        assert server.connections == 0


def test_redirect_to_a_non_public_address_is_not_followed():
    with http_server(answers(302, Location="http://inside.test/")) as server:
        assert inspect(f"{server.url}/a", inside_test="10.0.0.1") == FoundFile("not_public")


def test_endless_body_is_read_up_to_the_bound():
    closed = threading.Event()

    def script(conn: socket.socket, server: SocketServer) -> None:
        read_request(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\nContent-Type: video/mp4\r\n\r\n")
        try:
            while not server.stop.is_set():
                conn.sendall(b"x" * 65536)
        except OSError:
            closed.set()

    with socket_server(script) as server:
        assert inspect(server.url) == FoundFile("fine", 200, "video/mp4", 10_000_000_000)
        assert closed.wait(TIMEOUT_SECONDS)


@pytest.mark.parametrize("script", [never_answers, says_raw(b"HTTP/1.1 200 OK\r\n", pause=0.02, forever=True)])
def test_look_ends_in_time_when_the_server_hangs_or_drips(script: Callable[[socket.socket, SocketServer], None]):
    with socket_server(script) as server:
        began = time.monotonic()
        assert inspect(server.url, 0.3) == FoundFile("unknown")
        assert time.monotonic() - began < TIMEOUT_SECONDS
