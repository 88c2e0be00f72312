"""Sign in to the console by an OpenID Connect provider, with a real one on loopback."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.adapters import oidc
from app.adapters.oidc import OidcProvider
from app.domain.oauth import AuthorizationError
from app.domain.sign_in import COOKIE, begin_journey
from app.settings.values import Settings
from app.web.console.built import Built
from app.web.console.pages import BUILT
from tests.support.oidc_provider import CLIENT, CODE, SECRET, Provider, oidc_provider
from tests.web.conftest import MakeSite
from tests.web.site import BASE, HOUR, MINUTE, NOW, SetClock, Site, json_of, refused, wire_form
from tests.web.test_console_pages import write_build
from tests.web.test_console_session import SAME, SESSION

BEGIN, CALLBACK, LOGIN = "/console/oidc/begin", "/console/oidc/callback", "/console/login"


@pytest.fixture
def provider(clock: SetClock) -> Iterator[Provider]:
    with oidc_provider(lambda: clock.at.timestamp()) as running:
        yield running


@pytest.fixture
def offered(sqlite_url: str, make_site: MakeSite, provider: Provider) -> Site:
    return offer(make_site, sqlite_url, provider)


def offer(make_site: MakeSite, url: str, provider: Provider, **changes: Any) -> Site:
    settings = {"console_oidc_issuer": provider.issuer, "console_oidc_client_id": CLIENT}
    site = make_site(url, **(settings | {"console_oidc_client_secret": SECRET} | changes))
    sign_in = OidcProvider(site.settings, site.clock)  # by the test's clock
    site.app.extensions["punctual"] = dataclasses.replace(site.services, sign_in=sign_in)
    return site


def begin(browser: FlaskClient) -> dict[str, str]:
    """Leave for the provider. Return the query of its page."""
    answer = browser.get(BEGIN)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def come_back(browser: FlaskClient, provider: Provider, asked: dict[str, str], **query: str) -> TestResponse:
    provider.claims.setdefault("nonce", asked["nonce"])
    return browser.get(CALLBACK, query_string={"state": asked["state"], "code": CODE} | query)


def failed(site: Site, answer: TestResponse, shown: str) -> str:
    """Check that nobody was let in. Return the detail for operators."""
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{LOGIN}?error={shown}")
    assert "__Host-punctual=" not in str(answer.headers)
    assert site.events("session.begun") == []
    return str(site.events("console.sign_in_failed")[-1]["detail"])


def test_person_of_the_provider_gets_a_session(offered: Site, provider: Provider):
    browser = offered.client
    left = browser.get(BEGIN)
    cookie = left.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))
    address, _, _ = left.headers["Location"].partition("?")
    asked = dict(parse_qsl(urlsplit(left.headers["Location"]).query))
    assert address == f"{provider.issuer}/authorize"
    assert asked["redirect_uri"] == f"{BASE}{CALLBACK}"
    expected = {"response_type": "code", "client_id": CLIENT, "scope": "openid", "code_challenge_method": "S256"}
    assert {name: asked[name] for name in expected} == expected

    answer = come_back(browser, provider, asked, iss=provider.issuer)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    person = json_of(browser.get(SESSION, headers=SAME))
    assert person == {"userId": "alice", "admin": False, "expiresAt": wire_form(NOW + 12 * HOUR)}
    [sent] = provider.sent
    assert (sent["basic_client"], sent["basic_secret"], sent["redirect_uri"]) == (CLIENT, SECRET, asked["redirect_uri"])
    digest = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).rstrip(b"=")
    assert digest.decode() == asked["code_challenge"]
    assert [line["by"] for line in offered.events("session.begun")] == ["oidc"]


def test_role_of_the_provider_makes_an_admin(offered: Site, provider: Provider):
    browser = offered.client
    provider.claims["role"] = "admin"
    come_back(browser, provider, begin(browser))
    assert json_of(browser.get(SESSION, headers=SAME))["admin"] is True


def test_way_back_counts_once_in_its_browser_with_its_state_within_ten_minutes(offered: Site, provider: Provider):
    browser = offered.client
    asked = begin(browser)
    failed(offered, come_back(offered.client, provider, asked), "sign_in_expired")
    failed(offered, come_back(browser, provider, asked | {"state": "another"}), "sign_in_expired")
    failed(offered, come_back(browser, provider, asked), "sign_in_expired")  # a failure ends the way
    late = offered.client
    asked = begin(late)
    offered.clock.at = NOW + 10 * MINUTE
    failed(offered, come_back(late, provider, asked), "sign_in_expired")
    offered.clock.at = NOW
    forged = offered.app.test_client(use_cookies=False)
    value = {"Cookie": f"{COOKIE}=W10.{'0' * 64}"}
    failed(offered, forged.get(CALLBACK, query_string={"state": "", "code": CODE}, headers=value), "sign_in_expired")
    assert provider.sent == []


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.test"},
    "another client": {"aud": "another"},
    "many clients without azp": {"aud": [CLIENT, "another"]},
    "azp of another client": {"aud": [CLIENT, "another"], "azp": "another"},
    "ended": {"exp": 1},
    "endless": {"exp": None},
    "from tomorrow": {"iat": 4_000_000_000},
    "no person": {"sub": None},
    "no user id": {"sub": "a\nb"},
}


def test_id_token_for_anything_else_lets_nobody_in(offered: Site, provider: Provider):
    for name, claims in BAD_CLAIMS.items():
        browser = offered.client
        asked = begin(browser)
        provider.claims = dict(claims)
        detail = failed(offered, come_back(browser, provider, asked), "sign_in_refused")
        assert "the ID token does not count" in detail, name
    provider.claims, provider.key = {}, rsa.generate_private_key(public_exponent=65537, key_size=2048)
    browser = offered.client
    failed(offered, come_back(browser, provider, begin(browser)), "sign_in_refused")


def test_refused_code_and_declined_consent_let_nobody_in(offered: Site, provider: Provider):
    browser = offered.client
    detail = failed(offered, come_back(browser, provider, begin(browser), code="planted-code"), "sign_in_refused")
    assert "planted-code" not in detail
    asked = begin(browser)
    answer = browser.get(CALLBACK, query_string={"state": asked["state"], "error": "access_denied"})
    assert failed(offered, answer, "sign_in_declined") == "access_denied"
    asked = begin(browser)
    failed(offered, come_back(browser, provider, asked, code="x" * 5000), "sign_in_declined")
    asked = begin(browser)
    failed(offered, come_back(browser, provider, asked, iss="https://evil.test"), "sign_in_refused")


@pytest.mark.parametrize(
    ("changes", "status", "shown"),
    [
        ({"issuer": "https://evil.test"}, 200, "of another issuer"),
        ({"token_endpoint": None}, 200, "no https address as token_endpoint"),
        ({"jwks_uri": "file:///etc/passwd"}, 200, "no https address as jwks_uri"),
        ({"authorization_endpoint": "javascript:alert(1)"}, 200, "no https address as authorization_endpoint"),
        ({}, 302, "redirect"),
        ({}, 500, "the answer is 500"),
    ],
)
def test_bad_discovery_document_lets_nobody_leave(
    offered: Site, provider: Provider, changes: dict[str, Any], status: int, shown: str
):
    provider.document, provider.status = changes, status
    for _ in range(3):
        answer = offered.client.get(BEGIN)
        failed(offered, answer, "sign_in_unavailable")
    assert shown in offered.events("console.sign_in_failed")[0]["detail"]
    assert len(provider.server.seen) == 1  # a broken provider is asked once in a while


def test_discovery_document_outlives_an_outage(offered: Site, provider: Provider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(oidc, "KEPT_SECONDS", 0.0)
    begin(offered.client)
    provider.status = 503
    begin(offered.client)
    assert len(provider.server.seen) == 2


def test_plain_http_addresses_of_the_provider_are_refused_outside_the_local_stack(provider: Provider, clock: SetClock):
    settings = Settings(console_oidc_issuer=provider.issuer, console_oidc_client_id=CLIENT, public_base_url=BASE)
    provider.document = {"token_endpoint": "http://id.example/token"}
    with pytest.raises(AuthorizationError, match="no https address as token_endpoint"):
        OidcProvider(settings, clock).address(begin_journey(NOW))


@pytest.mark.parametrize(
    ("document", "changes", "sent"),
    [
        ({"token_endpoint_auth_methods_supported": ["client_secret_post"]}, {}, {"client_secret": SECRET}),
        ({}, {"console_oidc_client_secret": None}, {"client_id": CLIENT}),
    ],
)
def test_client_proves_itself_as_the_provider_wants(
    sqlite_url: str, make_site: MakeSite, provider: Provider, document: Any, changes: Any, sent: dict[str, str]
):
    provider.document = document
    site = offer(make_site, sqlite_url, provider, **changes)
    browser = site.client
    assert come_back(browser, provider, begin(browser)).headers["Location"] == "/"
    assert provider.sent[0].items() >= sent.items()
    assert "basic_client" not in provider.sent[0]


def test_page_offers_the_provider_only_where_one_is_set(offered: Site, small_site: Site, tmp_path: Path):
    write_build(tmp_path / "dist")
    for site, offers in ((offered, True), (small_site, False)):
        site.app.extensions[BUILT] = Built(tmp_path / "dist")
        page = site.client.get("/").get_data(as_text=True)
        assert (f'<meta name="punctual-login" content="{BEGIN}">' in page) is offers
    for path in (BEGIN, CALLBACK):
        refused(small_site.client.get(path), 503, "not_configured")
        assert FlaskClient(offered.app).head(path).status_code == 405  # a link preview begins nothing
