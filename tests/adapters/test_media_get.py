"""Tests of HttpMediaCheck's GET: it confirms a fault found by HEAD, for one byte and in the same time."""

import socket
import threading
import time

import pytest

from app.adapters.media import HttpMediaCheck
from tests.adapters.media_fixtures import Answer, answers, by_method, look
from tests.adapters.servers import Seen, SocketServer, http_server, read_request, socket_server
from tests.support.threads import TIMEOUT_SECONDS


def test_file_is_gone_only_if_a_one_byte_get_finds_it_gone_too():
    with http_server(answers(404)) as server:
        assert look(f"{server.url}/a%20b.jpg?sig=1#part") == "gone"
        head, get = server.seen
    assert (head.method, head.headers.get("range")) == ("HEAD", None)
    assert (get.method, get.path, get.headers["range"]) == ("GET", "/a%20b.jpg?sig=1", "bytes=0-0")
    assert get.headers["host"] == head.headers["host"]
    assert get.headers["user-agent"].startswith("Punctual/")


@pytest.mark.parametrize("head", [404, 410])
@pytest.mark.parametrize(
    ("get", "verdict"), [(206, "fine"), (200, "fine"), (416, "unknown"), (403, "unknown"), (503, "unknown")]
)
def test_file_is_not_gone_when_only_head_finds_it_gone(head: int, get: int, verdict: str):
    with http_server(by_method(answers(head), answers(get))) as server:
        assert look(f"{server.url}/a.jpg") == verdict


def test_file_is_not_gone_when_only_head_is_redirected_to_an_error_page():
    def head(seen: Seen) -> Answer:
        return (404, {}, b"") if seen.path == "/error" else (302, {"Location": "/error"}, b"")

    with http_server(by_method(head, answers(206))) as server:
        assert look(f"{server.url}/a.jpg") == "fine"
        asked = [(seen.method, seen.path) for seen in server.seen]
    assert asked == [("HEAD", "/a.jpg"), ("HEAD", "/error"), ("GET", "/a.jpg")]


@pytest.mark.parametrize("status", [400, 403, 405, 501])
def test_refused_head_is_not_followed_by_a_get(status: int):
    with http_server(by_method(answers(status), answers(404))) as server:
        assert look(f"{server.url}/a.jpg") == "unknown"
        assert [seen.method for seen in server.seen] == ["HEAD"]


def test_endless_answer_to_the_get_is_closed_after_its_headers():
    closed = threading.Event()

    def script(conn: socket.socket, server: SocketServer) -> None:
        if read_request(conn).startswith(b"HEAD"):
            conn.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        try:
            while not server.stop.is_set():
                conn.sendall(b"x" * 65536)
        except OSError:
            closed.set()

    with socket_server(script) as server:
        assert look(server.url) == "fine"
        assert closed.wait(TIMEOUT_SECONDS)


def test_get_follows_redirects_up_to_the_limit():
    with http_server(by_method(answers(404), answers(302, Location="/a.jpg"))) as server:
        assert look(f"{server.url}/a.jpg") == "unknown"
        assert [seen.method for seen in server.seen] == ["HEAD"] + ["GET"] * 4


@pytest.mark.parametrize(
    ("head", "get", "verdict"),
    [(404, 301, "not_public"), (301, 206, "fine"), (301, 404, "gone"), (301, 500, "unknown")],
)
def test_get_decides_when_only_one_method_is_redirected_to_a_non_public_address(head: int, get: int, verdict: str):
    target = "http://10.0.0.1/"
    with http_server(by_method(answers(head, Location=target), answers(get, Location=target))) as server:
        assert look(f"{server.url}/a.jpg") == verdict
        assert len(server.seen) == 2


def test_get_is_not_sent_when_the_name_turns_non_public_after_the_head():
    addresses = iter(["127.0.0.1", "10.0.0.1"])
    with http_server(answers(404)) as server:
        port = server.url.rpartition(":")[2]
        check = HttpMediaCheck(allow_loopback=True, resolve=lambda host, port: [next(addresses)])
        assert check.look([f"http://cdn.test:{port}/a.jpg"], 5.0) == ["not_public"]
        assert [seen.method for seen in server.seen] == ["HEAD"]


def test_file_is_unknown_in_time_when_head_finds_it_gone_and_get_hangs():
    def script(conn: socket.socket, server: SocketServer) -> None:
        if read_request(conn).startswith(b"HEAD"):
            conn.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            asked.set()
            server.stop.wait(2 * TIMEOUT_SECONDS)

    asked = threading.Event()
    with socket_server(script) as server:
        began = time.monotonic()
        assert look(server.url, 2.0) == "unknown"
        assert time.monotonic() - began < TIMEOUT_SECONDS
        assert asked.is_set()
