"""Tests of LinkedIn over real HTTP: requests, error codes and no secrets in errors."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from app.adapters.linkedin import LinkedIn
from app.domain.oauth import AuthorizationError, Grant, Member
from app.settings.values import Settings
from tests.adapters.servers import HttpServer, Seen, http_server, read_request, says, socket_server

SECRET, CODE, VERIFIER, REFRESH = "the-secret-of-our-app", "code-from-linkedin", "v" * 43, "refresh-token-1"
TOKENS = {"access_token": "access-1", "expires_in": 5184000}
RENEWABLE = {"refresh_token": "refresh-2", "refresh_token_expires_in": 31536000}
CALLBACK = "https://punctual.test/api/social-accounts/linkedin/callback"
Call = Callable[[LinkedIn], Any]
CALLS: dict[str, Call] = {
    "exchange": lambda linkedin: linkedin.exchange(CODE, VERIFIER),
    "refresh": lambda linkedin: linkedin.refresh(REFRESH),
    "identify": lambda linkedin: linkedin.identify("access-1"),
}
#: The body of the answer to a revocation says nothing (RFC 7009, 2.2).
ALL_CALLS = CALLS | {"revoke": lambda linkedin: linkedin.revoke("access-1")}


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as running:
        yield running


def linkedin_at(url: str, **changes: Any) -> LinkedIn:
    values: dict[str, Any] = {"linkedin_client_id": "our-app", "linkedin_client_secret": SECRET, "local": True}
    values |= {"linkedin_token_url": f"{url}/accessToken", "linkedin_userinfo_url": f"{url}/userinfo"}
    values |= {"linkedin_revocation_url": f"{url}/revoke"}
    values |= {"public_base_url": "https://punctual.test", "linkedin_timeout_seconds": 2.0}
    return LinkedIn(Settings(**(values | changes)))


@pytest.fixture
def linkedin(server: HttpServer) -> LinkedIn:
    return linkedin_at(server.url)


def form(seen: Seen) -> dict[str, str]:
    return dict(parse_qsl(seen.body.decode()))


def error_of(linkedin: LinkedIn, call: Call) -> AuthorizationError:
    with pytest.raises(AuthorizationError) as error:
        call(linkedin)
    return error.value


def test_authorization_url_has_state_scopes_and_a_challenge():
    linkedin = linkedin_at("http://127.0.0.1:9", linkedin_authorization_url="https://li.test/authorization")
    parts = urlsplit(linkedin.authorization_url("state-1", VERIFIER))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://li.test/authorization"
    assert parse_qs(parts.query) == {
        "response_type": ["code"],
        "client_id": ["our-app"],
        "redirect_uri": [CALLBACK],
        "scope": ["openid profile w_member_social"],
        "state": ["state-1"],
        "code_challenge": [create_s256_code_challenge(VERIFIER)],
        "code_challenge_method": ["S256"],
    }


def test_exchange_sends_id_secret_and_verifier_and_returns_tokens(server: HttpServer, linkedin: LinkedIn):
    server.answer = says(200, TOKENS | RENEWABLE | {"scope": "openid,profile", "token_type": "Bearer"})
    grant = linkedin.exchange(CODE, VERIFIER)
    assert grant == Grant("access-1", "refresh-2", 5184000, 31536000)
    assert "access-1" not in repr(grant)
    [seen] = server.seen
    assert (seen.method, seen.path) == ("POST", "/accessToken")
    assert seen.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert "authorization" not in seen.headers
    assert seen.headers["user-agent"].startswith("Punctual/")
    assert form(seen) == {
        "grant_type": "authorization_code",
        "code": CODE,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "our-app",
        "client_secret": SECRET,
    }


def test_exchange_returns_no_refresh_token_when_the_answer_has_none(server: HttpServer, linkedin: LinkedIn):
    server.answer = says(200, TOKENS)
    assert linkedin.exchange(CODE, VERIFIER) == Grant("access-1", None, 5184000, None)


def test_exchange_repeats_without_verifier_when_it_is_refused(server: HttpServer, linkedin: LinkedIn):
    """LinkedIn refuses the verifier of every app without PKCE."""

    def web_flow(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        refused = "code_verifier" in form(seen)
        return (says(401, {"error": "invalid_client"}) if refused else says(200, TOKENS))(seen)

    server.answer = web_flow
    assert linkedin.exchange(CODE, VERIFIER).access_token == "access-1"
    assert ["code_verifier" in form(seen) for seen in server.seen] == [True, False]


def test_exchange_is_not_repeated_after_another_refusal(server: HttpServer, linkedin: LinkedIn):
    server.answer = says(400, {"error": "invalid_request", "error_description": "the verifier does not match"})
    assert error_of(linkedin, CALLS["exchange"]).code == "refused"
    assert len(server.seen) == 1


def test_challenge_and_verifier_are_absent_without_pkce(server: HttpServer):
    linkedin = linkedin_at(server.url, linkedin_pkce=False)
    server.answer = says(200, TOKENS)
    linkedin.exchange(CODE, VERIFIER)
    assert "code_verifier" not in form(server.seen[0])
    assert "code_challenge" not in linkedin.authorization_url("state-1", VERIFIER)


def test_refresh_returns_new_tokens(server: HttpServer, linkedin: LinkedIn):
    server.answer = says(200, TOKENS | RENEWABLE)
    assert linkedin.refresh(REFRESH) == Grant("access-1", "refresh-2", 5184000, 31536000)
    assert form(server.seen[0]) == {
        "grant_type": "refresh_token",
        "refresh_token": REFRESH,
        "client_id": "our-app",
        "client_secret": SECRET,
    }


@pytest.mark.parametrize(
    ("answer", "expires_in"),
    [
        ({"expires_in": "3600"}, 3600),
        ({"expires_in": 0}, None),
        ({"expires_in": -5}, None),
        ({"expires_in": 1e300}, None),
        ({"expires_in": True}, None),
        ({"expires_in": None}, None),
        ({}, None),
    ],
)
def test_absurd_lifetime_is_returned_as_none(
    server: HttpServer, linkedin: LinkedIn, answer: dict[str, Any], expires_in: float | None
):
    server.answer = says(200, {"access_token": "access-1"} | answer)
    assert linkedin.refresh(REFRESH).expires_in == expires_in


def test_member_urn_is_made_from_the_sub_of_userinfo(server: HttpServer, linkedin: LinkedIn):
    server.answer = says(200, {"sub": "782bbtaQ", "name": " Ada\u200b\nLovelace ", "email": "ada@example.com"})
    assert linkedin.identify("access-1") == Member("urn:li:person:782bbtaQ", "AdaLovelace")
    [seen] = server.seen
    assert (seen.method, seen.path, seen.headers["authorization"]) == ("GET", "/userinfo", "Bearer access-1")


@pytest.mark.parametrize("name", [None, "", "\n", 7])
def test_member_without_a_name_is_named_by_the_urn(server: HttpServer, linkedin: LinkedIn, name: Any):
    server.answer = says(200, {"sub": "782bbtaQ", "name": name})
    assert linkedin.identify("access-1").name == "urn:li:person:782bbtaQ"


@pytest.mark.parametrize("body", [{}, [], {"sub": 7}, {"sub": ""}, {"sub": "a:b"}, {"sub": "x" * 101}, "text"])
def test_userinfo_without_a_valid_sub_is_a_broken_answer(server: HttpServer, linkedin: LinkedIn, body: Any):
    server.answer = says(200, body)
    assert error_of(linkedin, CALLS["identify"]).code == "broken_answer"


TOO_LONG = json.dumps(TOKENS | {"sub": "abc"}).encode() + b" " * 70_000  # valid JSON, but above the limit
REVOKED = "The provided authorization grant or refresh token is invalid, expired or revoked"


@pytest.mark.parametrize("call", ["exchange", "refresh"])
@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": "invalid_grant", "error_description": REVOKED}, "invalid_grant"),
        (400, {"error": "invalid_request", "error_description": REVOKED}, "invalid_grant"),
        (400, {"error": "invalid_request", "error_description": "A required parameter is missing"}, "refused"),
        (401, {"error": "invalid_client", "error_description": "Client authentication failed"}, "invalid_client"),
        (400, {"error": "something_new"}, "refused"),
        (400, {"error": 7}, "broken_answer"),
        (200, TOKENS | {"expires_in": "soon"}, "broken_answer"),
        (200, TOKENS | {"expires_in": [60]}, "broken_answer"),
        (429, {"status": 429, "message": "Resource level throttle limit reached"}, "rate_limited"),
        (429, {"error": "invalid_grant"}, "rate_limited"),
        (500, {"error": "invalid_grant"}, "unreachable"),
        (503, {}, "unreachable"),
        (403, {"message": "Not enough permissions"}, "broken_answer"),
        (200, {}, "broken_answer"),
        (200, {"access_token": ""}, "broken_answer"),
        (200, {"access_token": 7}, "broken_answer"),
        (200, {"access_token": "é"}, "broken_answer"),
        (200, {"access_token": "x" * 8193}, "broken_answer"),
        (200, {"access_token": "a", "refresh_token": 7}, "broken_answer"),
        (200, [], "broken_answer"),
        (200, "text", "broken_answer"),
    ],
)
def test_token_answer_maps_to_its_error_code(
    server: HttpServer, linkedin: LinkedIn, call: str, status: int, body: Any, code: str
):
    server.answer = says(status, body)
    assert error_of(linkedin, CALLS[call]).code == code


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(200, b"<html>", "broken_answer"), (200, TOO_LONG, "broken_answer"), (502, b"<html>", "unreachable")],
)
def test_answer_is_an_error_when_it_is_not_json_or_too_long(
    server: HttpServer, linkedin: LinkedIn, call: str, status: int, body: bytes, code: str
):
    server.answer = lambda _: (status, {}, body)
    assert error_of(linkedin, CALLS[call]).code == code


@pytest.mark.parametrize("call", ALL_CALLS)
def test_redirect_is_not_followed(linkedin: LinkedIn, server: HttpServer, call: str):
    with http_server(says(200, TOKENS)) as elsewhere:
        server.answer = lambda _: (307, {"Location": elsewhere.url}, b"")
        assert error_of(linkedin, ALL_CALLS[call]).code == "broken_answer"
        assert elsewhere.seen == []


@pytest.mark.parametrize("call", ALL_CALLS)
def test_refused_connection_is_unreachable(call: str):
    with http_server() as server:
        url = server.url
    assert error_of(linkedin_at(url), ALL_CALLS[call]).code == "unreachable"


@pytest.mark.parametrize("call", ALL_CALLS)
def test_dripping_answer_is_unreachable_after_the_timeout(call: str):
    def drip(conn: Any, server: Any) -> None:
        read_request(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not server.stop.wait(0.05):
            conn.sendall(b" ")

    with socket_server(drip) as server:
        linkedin = linkedin_at(server.url, linkedin_timeout_seconds=0.4)
        assert error_of(linkedin, ALL_CALLS[call]).code == "unreachable"


def test_refresh_honours_a_shorter_timeout():
    def silent(conn: Any, server: Any) -> None:
        read_request(conn)
        server.stop.wait(30)

    with socket_server(silent) as server:
        linkedin = linkedin_at(server.url, linkedin_timeout_seconds=60)
        assert error_of(linkedin, lambda client: client.refresh(REFRESH, 0.3)).code == "unreachable"


def test_error_text_has_no_secret_when_the_answer_echoes_it(server: HttpServer, linkedin: LinkedIn):
    def echo(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        description = f"{seen.headers.get('authorization')} {seen.body.decode()}"
        return 400, {}, json.dumps({"error": "invalid_scope", "error_description": description}).encode()

    server.answer = echo
    for call in ALL_CALLS.values():
        error = error_of(linkedin, call)
        assert not [secret for secret in (SECRET, CODE, VERIFIER, REFRESH, "access-1") if secret in str(error)]
        assert len(error.detail) <= 200


def test_proxy_variables_are_ignored(server: HttpServer, linkedin: LinkedIn, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.answer = says(200, TOKENS)
    assert linkedin.refresh(REFRESH).access_token == "access-1"


def test_revocation_sends_the_token_with_our_clients_proof_and_no_bearer(server: HttpServer, linkedin: LinkedIn):
    server.answer = says(200, "")
    linkedin.revoke("access-1")
    [seen] = server.seen
    assert form(seen) == {"token": "access-1", "client_id": "our-app", "client_secret": SECRET}
    assert (seen.method, seen.path, "authorization" in seen.headers) == ("POST", "/revoke", False)


def test_refused_revocation_is_an_error_without_the_token(server: HttpServer, linkedin: LinkedIn):
    server.answer = says(400, {"error": "invalid_request", "error_description": "unknown token access-1"})
    error = error_of(linkedin, ALL_CALLS["revoke"])
    assert (error.code, "access-1" in str(error)) == ("refused", False)
