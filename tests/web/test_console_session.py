"""The console's session: its cookie, the requests that it proves, and those that it does not."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.adapters.user_tokens import UserTokens
from app.domain.sessions import COOKIE
from app.settings.readers import Rate
from app.settings.values import Settings
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import BASE, HOUR, MINUTE, NOW, SECOND, Caller, Site, User, json_of, refused, wire_form
from tests.web.test_api_keys import with_key

SESSION = "/console/session"
POSTS = "/api/posts"
SAME = {"Sec-Fetch-Site": "same-origin"}
FORM = "application/x-www-form-urlencoded"


def sign_in(site: Site, name: str = "alice", *, admin: bool = False) -> Caller:
    """Return a browser with a session. Each of its requests comes from a page of the console."""
    browser = Caller(site.client, SAME, name)
    json_of(browser.post(SESSION, headers=site.user(name, admin).headers, json={}))
    return browser


def cookie_of(site: Site, name: str = "alice", **claims: Any) -> str:
    """Return the value of a new session's cookie."""
    answer = begin(site, site.user(name, **claims))
    return answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]


def begin(site: Site, user: User, **headers: str) -> TestResponse:
    return site.client.post(SESSION, headers=user.headers | headers, json={})


def with_cookie(site: Site, value: str, headers: dict[str, str] | None = None) -> Caller:
    client = site.app.test_client(use_cookies=False)  # a jar would replace the header
    return Caller(client, {"Cookie": f"{COOKIE}={value}"} | (SAME if headers is None else headers))


def test_session_proves_its_user_without_a_token(site: Site):
    browser = sign_in(site)
    expected = {"userId": "alice", "admin": False, "expiresAt": wire_form(NOW + 12 * HOUR)}
    assert json_of(browser.get(SESSION)) == expected
    post = json_of(browser.post(POSTS, json={"content": "Hello"}), 201)
    assert post["userId"] == "alice"
    assert [one["id"] for one in json_of(site.user("alice").get(POSTS))["data"]] == [post["id"]]
    assert json_of(sign_in(site, "bob").get(POSTS))["data"] == []
    assert [line["user_id"] for line in site.events("session.begun")] == ["alice", "bob"]


def test_cookie_is_for_this_host_alone_and_hidden_from_scripts(small_site: Site):
    answer = begin(small_site, small_site.user("alice"))
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    assert name == "__Host-punctual"
    assert sorted(rest.split("; ")[1:]) == ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict", "Secure"]
    assert json_of(answer) == {"userId": "alice", "admin": False, "expiresAt": wire_form(NOW + 12 * HOUR)}


@pytest.mark.parametrize("site_header", ["cross-site", "same-site", "none", "", "Same-Origin", "same-origin, none"])
def test_cookie_of_a_request_from_elsewhere_proves_nothing(small_site: Site, site_header: str):
    elsewhere = with_cookie(small_site, cookie_of(small_site), {"Sec-Fetch-Site": site_header, "Origin": BASE})
    refused(elsewhere.get(POSTS), 401, "unauthorized")
    refused(elsewhere.post(POSTS, json={"content": "x"}), 401, "unauthorized")
    refused(elsewhere.get(SESSION), 401, "session_required")
    assert json_of(small_site.user("alice").get(POSTS))["data"] == []
    assert "another origin" in small_site.events("auth.refused")[0]["reason"]


def test_without_fetch_metadata_only_our_own_origin_counts(small_site: Site, sqlite_url: str, make_site: MakeSite):
    value = cookie_of(small_site)
    for origin in ("https://evil.test", f"{BASE}.evil.test", f"{BASE}:8443", "http://punctual.test", "null"):
        refused(with_cookie(small_site, value, {"Origin": origin}).post(POSTS, json={}), 401, "unauthorized")
    refused(with_cookie(small_site, value, {}).get(POSTS), 401, "unauthorized")
    for own in (BASE, "http://localhost", "https://localhost"):  # the test's client calls localhost
        json_of(with_cookie(small_site, value, {"Origin": own}).post(POSTS, json={"content": "x"}), 201)
    public = make_site(sqlite_url, local=False, n8n_webhook_url=None)
    refused(with_cookie(public, value, {"Origin": "http://localhost"}).post(POSTS, json={}), 401, "unauthorized")


def test_body_of_a_form_is_refused_on_every_route(small_site: Site):
    browser = sign_in(small_site)
    for path in (POSTS, "/api/keys", "/api/scheduler/run", "/api/companies"):
        for kind in (FORM, "text/plain", "multipart/form-data; boundary=x"):
            refused(browser.post(path, data=b'{"content": "x"}', headers={"Content-Type": kind}), 415, "json_required")
    rows = b"op,content\ncreate,Hello\n"
    assert json_of(browser.post("/api/posts/bulk", data=rows, headers={"Content-Type": "text/csv"}))["done"] == 1
    refused(browser.post(POSTS, data=rows, headers={"Content-Type": "text/csv"}), 415, "json_required")


def test_session_ends_after_twelve_hours_or_with_its_token(small_site: Site):
    browser = sign_in(small_site)
    token = small_site.services.users.issue("bob", ttl_seconds=90)
    short = with_cookie(small_site, cookie_of_token(small_site, token))
    for offset, of_alice, of_bob in ((89 * SECOND, 200, 200), (90 * SECOND, 200, 401), (12 * HOUR, 401, 401)):
        small_site.clock.at = NOW + offset
        assert [browser.get(POSTS).status_code, short.get(POSTS).status_code] == [of_alice, of_bob]
    refused(browser.get(SESSION), 401, "session_required")


def cookie_of_token(site: Site, token: str) -> str:
    answer = site.client.post(SESSION, headers={"Authorization": f"Bearer {token}"}, json={})
    return answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]


def test_token_in_its_last_leeway_begins_no_session(small_site: Site):
    token = small_site.services.users.issue("alice", ttl_seconds=60)
    small_site.clock.at = NOW + MINUTE + 5 * SECOND
    answer = small_site.client.post(SESSION, headers={"Authorization": f"Bearer {token}"}, json={})
    refused(answer, 401, "unauthorized")
    assert "Set-Cookie" not in answer.headers


def test_altered_cookie_proves_nothing(small_site: Site):
    value = cookie_of(small_site)
    content, proof = value.split(".")
    other = cookie_of(small_site, "root", admin=True).split(".")[0]
    altered = [f"{other}.{proof}", f"{content}.{proof[:-1]}0", content, f"{content}.", f".{proof}", f"{value}.x"]
    altered += [value.upper(), "x" * 5000, '"', "é", small_site.services.users.issue("alice")]
    for one in altered:
        if one != value:
            refused(with_cookie(small_site, one).get(POSTS), 401, "unauthorized")
            refused(with_cookie(small_site, one).get(SESSION), 401, "session_required")
    json_of(with_cookie(small_site, value).get(POSTS))


def test_session_keeps_the_role_of_its_token(small_site: Site):
    admin, user = sign_in(small_site, "root", admin=True), sign_in(small_site)
    assert json_of(admin.get(SESSION))["admin"] is True
    assert json_of(admin.post("/api/scheduler/run"))["success"] is True
    refused(user.post("/api/scheduler/run"), 403, "admin_required")


def test_header_of_a_token_wins_over_the_cookie(small_site: Site):
    browser = sign_in(small_site, "root", admin=True)
    bob = small_site.user("bob").headers
    assert json_of(browser.post(POSTS, json={"content": "x"}, headers=bob), 201)["userId"] == "bob"
    refused(browser.post("/api/scheduler/run", headers=bob), 403, "admin_required")
    for header in ("Bearer wrong", "Basic YTpi", ""):
        refused(browser.get(POSTS, headers={"Authorization": header}), 401, "unauthorized")


def test_session_begins_no_session(small_site: Site):
    browser = sign_in(small_site)
    answer = browser.post(SESSION, json={})
    refused(answer, 401, "unauthorized")
    assert "Set-Cookie" not in answer.headers


def test_personal_key_begins_no_session(small_site: Site):
    refused(with_key(small_site.user("alice")).post(SESSION, json={}), 403, "jwt_required")


def test_other_site_begins_and_ends_no_session(small_site: Site):
    alice = small_site.user("alice")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.test"}):
        answer = begin(small_site, alice, **headers)
        refused(answer, 403, "cross_origin")
        assert "Set-Cookie" not in answer.headers
        refused(small_site.client.delete(SESSION, headers=headers), 403, "cross_origin")
    refused(alice.post(SESSION, data=b"{}", headers={"Content-Type": FORM}), 415, "json_required")


def test_end_of_a_session_removes_its_cookie(small_site: Site):
    browser = sign_in(small_site)
    answer = browser.delete(SESSION)
    assert answer.status_code == 204
    assert {"Max-Age=0", "Path=/", "Secure"} <= set(answer.headers["Set-Cookie"].split("; "))
    refused(browser.get(SESSION), 401, "session_required")
    refused(browser.get(POSTS), 401, "unauthorized")
    assert browser.delete(SESSION).status_code == 204


def test_new_secret_ends_all_sessions_even_beside_its_former_value(
    small_site: Site, sqlite_url: str, make_site: MakeSite
):
    value, former = cookie_of(small_site), SECRETS["auth_jwt_secret"]
    turned = make_site(sqlite_url, auth_jwt_secret="another-secret-of-users-" * 2, auth_jwt_secret_previous=former)
    json_of(turned.client.get(POSTS, headers=small_site.user("alice").headers))
    refused(with_cookie(turned, value).get(POSTS), 401, "unauthorized")


@pytest.mark.parametrize("setting", ["auth_issuer", "auth_audience", "public_base_url"])
def test_session_of_another_installation_with_the_same_secret_proves_nothing(
    small_site: Site, sqlite_url: str, make_site: MakeSite, setting: str
):
    value = cookie_of(small_site)
    other = make_site(sqlite_url, **{setting: "https://other.test"})
    refused(with_cookie(other, value).get(POSTS), 401, "unauthorized")


def test_forged_cookies_are_limited_by_address_and_ended_ones_are_not(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url, rate_limits=True, rate_limit_failed_proofs=Rate(3, 60))
    value = cookie_of(site)
    forged = with_cookie(site, f"{value.split('.')[0]}.{'0' * 64}")
    for path, code in ((POSTS, "unauthorized"), (SESSION, "session_required"), (POSTS, "unauthorized")):
        refused(forged.get(path), 401, code)
    refused(forged.get(POSTS), 429, "rate_limited")
    refused(forged.get(SESSION), 429, "rate_limited")
    json_of(with_cookie(site, value).get(POSTS))
    site.clock.at = NOW + 13 * HOUR
    for _ in range(5):
        refused(with_cookie(site, value).get(SESSION), 401, "session_required")


def test_tokens_of_a_provider_get_sessions_signed_by_the_encryption_key(sqlite_url: str, make_site: MakeSite):
    provider = {"auth_jwt_secret": None, "auth_jwks_url": "http://127.0.0.1:9/keys", "auth_issuer": "https://id.test"}
    site = make_site(sqlite_url, **provider, auth_audience="punctual")
    keyless = make_site(sqlite_url, **provider, auth_audience="punctual", token_encryption_keys=())
    for one in (site, keyless):  # a provider's keys have tests of their own
        object.__setattr__(one.services, "users", UserTokens(Settings(auth_jwt_secret="x" * 32), one.clock))
    token = site.services.users.issue("alice")
    json_of(with_cookie(site, cookie_of_token(site, token)).get(POSTS))
    answer = keyless.client.post(SESSION, headers={"Authorization": f"Bearer {token}"}, json={})
    refused(answer, 503, "not_configured")
    assert keyless.events("not_configured")[-1]["setting"] == "TOKEN_ENCRYPTION_KEYS"
