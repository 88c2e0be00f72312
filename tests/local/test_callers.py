"""The stand-ins refuse web pages of other sites, also those whose name resolves to this machine (DNS rebinding)."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from app.local.callers import is_ours
from tests.local.support import Program, running

QSTASH, N8N, LINKEDIN = "app.local.qstash", "app.local.n8n", "app.local.linkedin"
OURS = ["127.0.0.1", "127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}", "127.8.9.1:1"]
FOREIGN = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "127.0.0.1.nip.io:{port}",
    "localhost.:{port}",
    "0.0.0.0:{port}",
    "[::]:{port}",
    "10.0.0.1",
    "169.254.169.254",
    "user@127.0.0.1",
    "127.0.0.1@evil.example",
    "127.0.0.1:x",
    "127.1",
    "2130706433",
    "[::1",
    "127.0.0.1/x",
    "127.0.0.1#x",
    "",
]
ORIGINS = ["null", "https://evil.example", "http://evil.example:{port}", "http://127.0.0.1.evil.example", "file://", ""]
ORIGINS += ["chrome-extension://abc", "http://localhost@evil.example", "http://127.0.0.1:{port}/path", "evil"]
ROUTES = {
    QSTASH: [("GET", "/_local/messages"), ("POST", "/_local/reset"), ("GET", "/v2/messages/x")],
    N8N: [("GET", "/healthz"), ("GET", "/_local/ledger"), ("DELETE", "/_local/published"), ("POST", "/_local/script")],
    LINKEDIN: [("GET", "/"), ("GET", "/_local/calls"), ("POST", "/_local/revoke"), ("GET", "/oauth/v2/authorization")],
}


@pytest.fixture(scope="module", params=list(ROUTES))
def stand_in(request: pytest.FixtureRequest) -> Iterator[tuple[Program, list[tuple[str, str]]]]:
    more = {QSTASH: ("--data", ":memory:"), LINKEDIN: ("--redirect-uri", "http://127.0.0.1:9/callback")}
    secrets = {"LINKEDIN_CLIENT_ID": "id", "LINKEDIN_CLIENT_SECRET": "secret"}
    with running(request.param, "--port", "0", *more.get(request.param, ()), **secrets) as program:
        program.url = program.url.rstrip(",")
        yield program, ROUTES[request.param]


def ask(program: Program, method: str, path: str, **headers: str) -> requests.Response:
    port = str(urlsplit(program.url).port)
    sent = {name: value.replace("{port}", port) for name, value in headers.items()}
    return requests.request(method, program.url + path, headers=sent, timeout=10)


@pytest.mark.parametrize("host", FOREIGN)
def test_foreign_host_is_refused_on_every_route(stand_in: tuple[Program, list[tuple[str, str]]], host: str) -> None:
    program, routes = stand_in
    for method, path in routes:
        answer = ask(program, method, path, Host=host)
        assert answer.status_code in ((400, 421) if host in ("", "[::1") else (421,)), (method, path)
        assert "Traceback" not in answer.text


@pytest.mark.parametrize("origin", ORIGINS)
def test_page_of_another_site_is_refused_on_every_route(
    stand_in: tuple[Program, list[tuple[str, str]]], origin: str
) -> None:
    program, routes = stand_in
    for method, path in routes:
        assert ask(program, method, path, Origin=origin).status_code == 403, (method, path)


@pytest.mark.parametrize("host", OURS)
def test_names_of_this_machine_are_served(stand_in: tuple[Program, list[tuple[str, str]]], host: str) -> None:
    program, routes = stand_in
    assert ask(program, *routes[0], Host=host).status_code == 200
    assert ask(program, *routes[0], Host=host, Origin=f"http://{host}").status_code == 200


def test_own_name_in_a_private_network_is_served_where_it_is_allowed() -> None:
    with running(N8N, "--port", "0", ALLOW_HTTP_HOSTS="n8n, qstash") as program:
        assert ask(program, "GET", "/healthz", Host="n8n:5678").status_code == 200
        assert ask(program, "GET", "/healthz", Host="N8N").status_code == 200
        assert ask(program, "GET", "/healthz", Host="n8n.evil.example").status_code == 421


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", ""])
def test_any_address_is_no_name_of_this_machine(bound: str) -> None:
    assert not is_ours(f"//{bound}:5678", {"n8n"})
