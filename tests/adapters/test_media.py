"""Tests of HttpMediaCheck: verdicts, forbidden addresses and time limits."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from app.adapters import media, media_requests
from app.adapters.media import HttpMediaCheck
from app.adapters.pinned_address import resolve
from tests.adapters.conftest import Certificate
from tests.adapters.media_fixtures import Answer, answers, look, resolver
from tests.adapters.n8n_fixtures import full_backlog, never_answers, says_raw
from tests.adapters.servers import Seen, SocketServer, http_server, socket_server
from tests.support.threads import TIMEOUT_SECONDS


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((200, 204, 206), "fine"),
        ((404, 410), "gone"),
        ((400, 401, 403, 405, 408, 429, 451, 500, 503, 524, 304, 302), "unknown"),
    ],
)
def test_file_is_gone_only_on_404_or_410(statuses: tuple[int, ...], verdict: str):
    with http_server() as server:
        for status in statuses:
            server.answer = answers(status)
            assert look(f"{server.url}/a.jpg") == verdict, status


def test_check_sends_one_head_request():
    with http_server() as server:
        assert look(f"{server.url}/a%20b.jpg?sig=1#part") == "fine"
        (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("HEAD", "/a%20b.jpg?sig=1", b"")
    assert seen.headers["host"] == server.url.removeprefix("http://")
    assert seen.headers["user-agent"].startswith("Punctual/")


def test_redirects_are_followed_up_to_the_limit():
    def hop(seen: Seen) -> Answer:
        left = int(seen.path.removeprefix("/"))
        return (302, {"Location": f"/{left - 1}"}, b"") if left else (404, {}, b"")

    with http_server(hop) as server:
        assert look(f"{server.url}/3") == "gone"
        assert [seen.method for seen in server.seen] == ["HEAD"] * 4 + ["GET"] * 4
        assert look(f"{server.url}/4") == "unknown"
        assert [seen.method for seen in server.seen[8:]] == ["HEAD"] * 4


PRIVATE = ["127.0.0.1", "10.0.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1"]
PRIVATE += [
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "fe80::1%lo",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_non_public_address_is_never_contacted(address: str):
    with http_server() as server:
        port = server.url.rpartition(":")[2]
        assert look(f"http://cdn.test:{port}/a.jpg", loopback=False, cdn_test=address) == "not_public"
        assert server.connections == 0


@pytest.mark.parametrize(
    "target", ["http://inside.test/", "//inside.test/", "https://inside.test:9/", "http://[fe80::1]:1/"]
)
def test_redirect_to_a_non_public_address_is_not_followed(target: str):
    with http_server(answers(301, Location=target)) as server:
        port = server.url.rpartition(":")[2]
        check = HttpMediaCheck(allow_loopback=True, resolve=resolver(cdn_test="127.0.0.1", inside_test="10.0.0.1"))
        assert check.look([f"http://cdn.test:{port}/a.jpg"], 5.0) == ["not_public"]
        assert [seen.method for seen in server.seen] == ["HEAD", "GET"]


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://cdn.test/", "http://", "http://[", ":", "http://a b/", ""]
)
def test_redirect_to_a_url_without_http_is_unknown(target: str):
    with http_server(answers(302, Location=target)) as server:
        assert look(f"{server.url}/a.jpg") == "unknown"


def test_request_goes_to_the_checked_address_when_dns_changes():
    """A later DNS answer must not change the checked target (DNS rebinding)."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with http_server() as server:
        port = server.url.rpartition(":")[2]
        check = HttpMediaCheck(allow_loopback=True, resolve=rebinding)
        assert check.look([f"http://cdn.invalid:{port}/a.jpg"], 5.0) == ["fine"]
        assert asked == ["cdn.invalid"]
        assert server.seen[0].headers["host"] == f"cdn.invalid:{port}"


def test_private_address_is_skipped_when_a_public_one_exists():
    with http_server() as server:
        port = server.url.rpartition(":")[2]
        assert look(f"http://cdn.test:{port}/a.jpg", cdn_test=["10.0.0.1", "127.0.0.1"]) == "fine"


def test_next_address_is_tried_when_one_does_not_answer():
    with http_server() as server:
        port = server.url.rpartition(":")[2]
        assert look(f"http://cdn.test:{port}/a.jpg", cdn_test=["127.0.0.2", "127.0.0.1"]) == "fine"


def test_certificate_must_match_the_name_not_the_address(certificate: Certificate):
    with http_server(tls=certificate.context) as server:
        port = server.url.rpartition(":")[2]
        check = HttpMediaCheck(allow_loopback=True, resolve=resolver(cdn_test="127.0.0.1"))
        check.tls_verify = certificate.path
        urls = [f"https://127.0.0.1:{port}/a", f"https://cdn.test:{port}/a"]
        assert check.look(urls, 5.0) == ["fine", "unknown"]  # the certificate is for 127.0.0.1, not for cdn.test
        check.tls_verify = True
        assert check.look(urls[:1], 5.0) == ["unknown"]


@pytest.mark.parametrize("script", [never_answers, says_raw(b"HTTP/1.1 200 OK\r\n", pause=0.02, forever=True)])
def test_check_ends_in_time_when_the_server_hangs_or_drips(
    script: Callable[[socket.socket, SocketServer], None],
):
    with socket_server(script) as server:
        began = time.monotonic()
        assert look(server.url, 0.3) == "unknown"
        assert time.monotonic() - began < TIMEOUT_SECONDS


def test_check_ends_in_time_when_connecting_hangs():
    with full_backlog() as url:
        began = time.monotonic()
        assert look(url, 0.3) == "unknown"
        assert time.monotonic() - began < TIMEOUT_SECONDS


def test_check_ends_in_time_with_bounded_threads_when_the_resolver_hangs(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(media, "MAX_THREADS", 3)
    # The check's clock stands still, so no thread starts after the deadline. The join of the threads is real.
    monkeypatch.setattr(media_requests, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    hanging, released = threading.Semaphore(0), threading.Event()

    def hang(host: str, port: int) -> list[str]:
        hanging.release()
        released.wait()
        return []

    check = HttpMediaCheck(resolve=hang)
    with ThreadPoolExecutor(1) as pool:
        try:
            verdicts = pool.submit(lambda: [check.look(["https://a.test/"] * count, 0.2) for count in (20, 1)])
            assert verdicts.result(TIMEOUT_SECONDS) == [["unknown"] * 20, ["unknown"]]
        finally:
            held = [hanging.acquire(timeout=TIMEOUT_SECONDS) for _ in range(3)]
            fourth = hanging.acquire(blocking=False)
            released.set()
    assert (held, fourth) == ([True] * 3, False)


def test_unresolvable_name_is_unknown():
    def not_found(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert HttpMediaCheck(resolve=not_found).look(["https://a.test/"], 5.0) == ["unknown"]
    assert HttpMediaCheck(resolve=lambda host, port: []).look(["https://a.test/"], 5.0) == ["unknown"]


@pytest.mark.parametrize("url", ["", "x", "https://", "https://[", "https://a b/", "http://a:99999/", "ftp://a/"])
def test_malformed_url_is_unknown(url: str):
    assert look(url) == "unknown"


def test_verdicts_are_in_the_order_of_the_urls():
    def by_path(seen: Seen) -> Answer:
        return int(seen.path.removeprefix("/")), {}, b""

    with http_server(by_path) as server:
        statuses = [200, 404, 500, 410, 204, 403, 200, 404, 301, 200]
        found = HttpMediaCheck(allow_loopback=True).look([f"{server.url}/{status}" for status in statuses], 10.0)
    meaning = {200: "fine", 204: "fine", 404: "gone", 410: "gone"}
    assert found == [meaning.get(status, "unknown") for status in statuses]


def test_system_resolver_returns_addresses():
    assert "127.0.0.1" in resolve("127.0.0.1", 80)
    with http_server() as server:
        assert HttpMediaCheck(allow_loopback=True).look([server.url], 5.0) == ["fine"]
        assert HttpMediaCheck().look([server.url], 5.0) == ["not_public"]
