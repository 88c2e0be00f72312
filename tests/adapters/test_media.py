"""The look at media: what each answer means, which addresses are never asked, and how long it may take."""

import socket
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from app.adapters import media
from app.adapters.media import HttpMediaCheck
from tests.adapters.conftest import Certificate
from tests.adapters.n8n_fixtures import full_backlog, never_answers, says_raw
from tests.adapters.servers import Seen, SocketServer, http_server, socket_server

Answer = tuple[int, dict[str, str], bytes]


def names(**known: str | Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    """A resolver that knows these names, `_` for a dot, and every address by itself."""

    def resolve(host: str, port: int) -> Sequence[str]:
        found = known.get(host.replace(".", "_"), host)
        return [found] if isinstance(found, str) else found

    return resolve


def look(url: str, seconds: float = 5.0, *, loopback: bool = True, **known: str | Sequence[str]) -> str:
    (verdict,) = HttpMediaCheck(allow_loopback=loopback, resolve=names(**known)).look([url], seconds)
    return verdict


def answers(status: int, **headers: str) -> Callable[[Seen], Answer]:
    return lambda _: (status, headers, b"body")


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((200, 204, 206), "fine"),
        ((404, 410), "gone"),
        ((400, 401, 403, 405, 408, 429, 451, 500, 503, 524, 304, 302), "unknown"),
    ],
)
def test_only_a_host_that_says_so_makes_a_file_gone(statuses: tuple[int, ...], verdict: str):
    with http_server() as server:
        for status in statuses:
            server.answer = answers(status)
            assert look(f"{server.url}/a.jpg") == verdict, status


def test_one_small_request_is_made_and_nothing_is_fetched():
    with http_server() as server:
        assert look(f"{server.url}/a%20b.jpg?sig=1#part") == "fine"
        (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("HEAD", "/a%20b.jpg?sig=1", b"")
    assert seen.headers["host"] == server.url.removeprefix("http://")
    assert seen.headers["user-agent"].startswith("Punctual/")


def test_redirects_are_followed_and_one_too_many_is_not():
    def hop(seen: Seen) -> Answer:
        left = int(seen.path.removeprefix("/"))
        return (302, {"Location": f"/{left - 1}"}, b"") if left else (404, {}, b"")

    with http_server(hop) as server:
        assert look(f"{server.url}/3") == "gone"
        assert look(f"{server.url}/4") == "unknown"
        assert len(server.seen) == 4 + 4


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
def test_an_address_that_is_not_everybodys_is_never_asked(address: str):
    with http_server() as server:
        port = server.url.rpartition(":")[2]
        assert look(f"http://cdn.test:{port}/a.jpg", loopback=False, cdn_test=address) == "not_public"
        assert server.connections == 0


@pytest.mark.parametrize(
    "target", ["http://inside.test/", "//inside.test/", "https://inside.test:9/", "http://[fe80::1]:1/"]
)
def test_a_redirect_to_such_an_address_is_not_followed(target: str):
    with http_server(answers(301, Location=target)) as server:
        port = server.url.rpartition(":")[2]
        check = HttpMediaCheck(allow_loopback=True, resolve=names(cdn_test="127.0.0.1", inside_test="10.0.0.1"))
        assert check.look([f"http://cdn.test:{port}/a.jpg"], 5.0) == ["not_public"]
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://cdn.test/", "http://", "http://[", ":", "http://a b/", ""]
)
def test_a_redirect_to_what_is_no_web_address_tells_nothing(target: str):
    with http_server(answers(302, Location=target)) as server:
        assert look(f"{server.url}/a.jpg") == "unknown"


def test_the_address_that_was_checked_is_the_one_that_is_asked():
    """A name that means something else a moment later is asked for once, and not by the connection again."""
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


def test_a_private_address_among_public_ones_is_passed_over():
    with http_server() as server:
        port = server.url.rpartition(":")[2]
        assert look(f"http://cdn.test:{port}/a.jpg", cdn_test=["10.0.0.1", "127.0.0.1"]) == "fine"


def test_an_address_that_does_not_answer_makes_way_for_the_next():
    with http_server() as server:
        port = server.url.rpartition(":")[2]
        assert look(f"http://cdn.test:{port}/a.jpg", cdn_test=["127.0.0.2", "127.0.0.1"]) == "fine"


def test_the_certificate_must_be_the_names_although_an_address_is_asked(certificate: Certificate):
    with http_server(tls=certificate.context) as server:
        port = server.url.rpartition(":")[2]
        check = HttpMediaCheck(allow_loopback=True, resolve=names(cdn_test="127.0.0.1"))
        check.tls_verify = certificate.path
        urls = [f"https://127.0.0.1:{port}/a", f"https://cdn.test:{port}/a"]
        assert check.look(urls, 5.0) == ["fine", "unknown"]  # the certificate is for 127.0.0.1, and not for cdn.test
        check.tls_verify = True
        assert check.look(urls[:1], 5.0) == ["unknown"]


@pytest.mark.parametrize("script", [never_answers, says_raw(b"HTTP/1.1 200 OK\r\n", pause=0.02, forever=True)])
def test_a_server_that_hangs_or_drips_costs_no_more_than_was_given(
    script: Callable[[socket.socket, SocketServer], None],
):
    with socket_server(script) as server:
        began = time.monotonic()
        assert look(server.url, 0.3) == "unknown"
        assert time.monotonic() - began < 1.5


def test_a_host_that_takes_no_connection_costs_no_more_than_was_given():
    with full_backlog() as url:
        began = time.monotonic()
        assert look(url, 0.3) == "unknown"
        assert time.monotonic() - began < 1.5


def test_a_resolver_that_hangs_costs_no_more_than_was_given_and_at_most_so_many_threads(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(media, "MAX_THREADS", 3)
    hanging, released = threading.Semaphore(0), threading.Event()

    def hang(host: str, port: int) -> list[str]:
        hanging.release()
        released.wait(20)
        return []

    check = HttpMediaCheck(resolve=hang)
    began = time.monotonic()
    assert check.look(["https://a.test/"] * 20, 0.2) == ["unknown"] * 20
    assert check.look(["https://a.test/"], 0.2) == ["unknown"]
    assert time.monotonic() - began < 1.5
    assert [hanging.acquire(timeout=5) for _ in range(3)] == [True] * 3
    assert hanging.acquire(blocking=False) is False
    released.set()


def test_a_name_that_nobody_knows_tells_nothing():
    def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert HttpMediaCheck(resolve=nobody).look(["https://a.test/"], 5.0) == ["unknown"]
    assert HttpMediaCheck(resolve=lambda host, port: []).look(["https://a.test/"], 5.0) == ["unknown"]


@pytest.mark.parametrize("url", ["", "x", "https://", "https://[", "https://a b/", "http://a:99999/", "ftp://a/"])
def test_no_url_breaks_the_look(url: str):
    assert look(url) == "unknown"


def test_every_item_gets_its_own_verdict_in_order():
    def by_path(seen: Seen) -> Answer:
        return int(seen.path.removeprefix("/")), {}, b""

    with http_server(by_path) as server:
        statuses = [200, 404, 500, 410, 204, 403, 200, 404, 301, 200]
        found = HttpMediaCheck(allow_loopback=True).look([f"{server.url}/{status}" for status in statuses], 10.0)
    meaning = {200: "fine", 204: "fine", 404: "gone", 410: "gone"}
    assert found == [meaning.get(status, "unknown") for status in statuses]


def test_the_systems_own_resolver_gives_addresses():
    assert "127.0.0.1" in media.resolve("127.0.0.1", 80)
    with http_server() as server:
        assert HttpMediaCheck(allow_loopback=True).look([server.url], 5.0) == ["fine"]
        assert HttpMediaCheck().look([server.url], 5.0) == ["not_public"]
