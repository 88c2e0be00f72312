"""Connecting an account over HTTP: the frontend's call, the cookie, the callback and its page."""

from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.adapters.servers import HttpServer, Seen, http_server, says
from tests.web.answers import ACCESS_TOKEN, REFRESH_TOKEN
from tests.web.conftest import MakeSite
from tests.web.site import MINUTE, NOW, Site, User, json_of, refused, wire_form

CONNECT, CALLBACK = "/api/social-accounts/linkedin/connect", "/api/social-accounts/linkedin/callback"
ORIGIN = "https://app.example.com"
BACK = "https://app.example.com/accounts?tab=social"
SECRET = "secret-of-the-linkedin-app"


@pytest.fixture
def linkedin():
    """Serve LinkedIn's token endpoint and userinfo."""

    def answer(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if seen.path == "/userinfo":
            return says(200, {"sub": "abc", "name": "Ada <b>"})(seen)
        tokens = {"access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN, "expires_in": 5184000}
        return says(200, tokens | {"refresh_token_expires_in": 31536000})(seen)

    with http_server(answer) as server:
        yield server


def settings(server: HttpServer) -> dict[str, Any]:
    urls = {"linkedin_token_url": f"{server.url}/accessToken", "linkedin_userinfo_url": f"{server.url}/userinfo"}
    return urls | {"linkedin_client_id": "app", "linkedin_client_secret": SECRET}


@pytest.fixture
def connectable(database_url: str, make_site: MakeSite, linkedin: HttpServer) -> Site:
    return make_site(database_url, **settings(linkedin))


class Browser:
    """One user's browser: calls connect with the token, keeps the cookie, and opens the callback."""

    def __init__(self, site: Site, name: str = "alice") -> None:
        self.user = site.user(name)
        self.client: FlaskClient = self.user.client
        self.state = ""

    def begin(self, query: str = "", **headers: str) -> TestResponse:
        answer = self.user.get(CONNECT + query, headers=headers)
        if answer.status_code == 200:
            self.state = parse_qs(urlsplit(answer.get_json()["authorizationUrl"]).query)["state"][0]
        return answer

    def come_back(self, **changes: str) -> TestResponse:
        return self.client.get(CALLBACK, query_string={"state": self.state, "code": "code-1"} | changes)


def cookie_of(answer: TestResponse) -> Morsel[str]:
    [line] = answer.headers.getlist("Set-Cookie")
    [morsel] = SimpleCookie(line).values()
    return morsel


def accounts(user: User) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json_of(user.get("/api/social-accounts"))["data"]
    return found


def test_connect_answers_authorization_url_and_expiry(connectable: Site):
    answer = Browser(connectable).begin()
    body = json_of(answer)
    assert set(body) == {"authorizationUrl", "expiresAt"}
    assert body["expiresAt"] == wire_form(NOW + 10 * MINUTE)
    assert body["authorizationUrl"].startswith("https://www.linkedin.com/oauth/v2/authorization?")
    query = dict(parse_qsl(urlsplit(body["authorizationUrl"]).query))
    assert query["redirect_uri"] == f"https://punctual.test{CALLBACK}"
    assert query["code_challenge_method"] == "S256"


def test_cookie_is_http_only_and_bound_to_this_host_where_it_is_secure(
    sqlite_url: str, make_site: MakeSite, linkedin: HttpServer
):
    for local in (True, False):
        site = make_site(sqlite_url, local=local, **settings(linkedin))
        browser = Browser(site)
        cookie = cookie_of(browser.begin())
        assert cookie.key.startswith("punctual_connect_" if local else "__Host-punctual_connect_")
        path = CALLBACK if local else "/"  # browsers refuse the prefix with another path
        assert (cookie["path"], cookie["samesite"], cookie["max-age"]) == (path, "Lax", "600")
        assert cookie["httponly"] is True
        assert bool(cookie["secure"]) is not local
        assert cookie["domain"] == ""
        answer = browser.come_back()
        assert answer.status_code == 200
        gone = cookie_of(answer)
        assert (gone.key, gone["path"], gone["max-age"], bool(gone["secure"])) == (cookie.key, path, "0", not local)


def test_cookie_without_the_prefix_connects_nothing(sqlite_url: str, make_site: MakeSite, linkedin: HttpServer):
    browser = Browser(make_site(sqlite_url, local=False, **settings(linkedin)))
    cookie = cookie_of(browser.begin())
    browser.client.delete_cookie(cookie.key)
    browser.client.set_cookie(cookie.key.removeprefix("__Host-"), cookie.value)  # planted by another host of the site
    assert browser.come_back().status_code == 400
    assert linkedin.seen == []


def test_cookies_of_many_begun_connections_do_not_pile_up(sqlite_url: str, make_site: MakeSite, linkedin: HttpServer):
    browser = Browser(make_site(sqlite_url, local=False, **settings(linkedin)))
    for _ in range(30):
        browser.begin()
    assert len(browser.client._cookies or {}) <= 10
    assert browser.come_back().status_code == 200


def test_callback_connects_and_shows_a_page(connectable: Site, linkedin: HttpServer):
    browser = Browser(connectable)
    browser.begin()
    answer = browser.come_back()
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    page = answer.get_data(as_text=True)
    assert "LinkedIn is connected" in page
    assert "Ada &lt;b&gt;" in page
    [account] = accounts(browser.user)
    assert (account["personUrn"], account["accountName"]) == ("urn:li:person:abc", "Ada <b>")
    assert account["expiresAt"] == wire_form(NOW + 60 * 24 * 60 * MINUTE)
    assert dict(parse_qsl(linkedin.seen[0].body.decode()))["client_secret"] == SECRET
    gone = cookie_of(answer)
    assert (gone.value, gone["max-age"], gone["path"]) == ("", "0", CALLBACK)


def test_second_callback_connects_nothing(connectable: Site, linkedin: HttpServer):
    browser = Browser(connectable)
    cookie = cookie_of(browser.begin())
    browser.come_back()
    browser.client.set_cookie(cookie.key, cookie.value, path=CALLBACK)  # a browser that kept it
    answer = browser.come_back()
    assert answer.status_code == 400
    assert "used already" in answer.get_data(as_text=True)
    assert [seen.path for seen in linkedin.seen] == ["/accessToken", "/userinfo"]


def test_callback_in_another_browser_connects_nothing(connectable: Site, linkedin: HttpServer):
    attacker, victim = Browser(connectable, "mallory"), Browser(connectable, "alice")
    attacker.begin()
    victim.begin()
    victim.state = attacker.state
    assert victim.come_back().status_code == 400
    assert linkedin.seen == []
    assert accounts(attacker.user) == accounts(victim.user) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"error": "user_cancelled_login", "code": ""}, "declined"),
        ({"error": "user_cancelled_authorize", "error_description": "<script>alert(1)</script>"}, "declined"),
        ({"error": "unauthorized_scope_error"}, "did not allow"),
        ({"code": ""}, "did not allow"),
        ({"state": ""}, "another browser"),
        ({"state": "x" * 10_000}, "another browser"),
        ({"state": "\0'\"--"}, "another browser"),
    ],
)
def test_failed_callback_shows_the_reason(connectable: Site, changes: dict[str, str], words: str):
    browser = Browser(connectable)
    browser.begin()
    answer = browser.come_back(**changes)
    assert answer.status_code == 400
    page = answer.get_data(as_text=True)
    assert words in page
    assert "alert(1)" not in page
    assert accounts(browser.user) == []


def test_unreachable_linkedin_is_shown_and_logged(connectable: Site, linkedin: HttpServer):
    browser = Browser(connectable)
    browser.begin()
    linkedin.answer = says(503, {})
    assert "did not answer" in browser.come_back().get_data(as_text=True)
    [event] = connectable.events("account.connect_failed")
    assert (event["code"], event["detail"]) == ("unreachable", "the answer is 503")


@pytest.fixture
def returning(sqlite_url: str, make_site: MakeSite, linkedin: HttpServer) -> Site:
    return make_site(sqlite_url, connect_return_url=BACK, **settings(linkedin))


def test_callback_redirects_to_the_configured_frontend(returning: Site):
    browser = Browser(returning)
    browser.begin()
    answer = browser.come_back()
    [account] = accounts(browser.user)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{BACK}&connected=linkedin&accountId={account['id']}"
    assert browser.come_back().headers["Location"] == f"{BACK}&error=state_invalid"


@pytest.mark.parametrize("name", ["redirect_uri", "returnUrl", "next", "error", "state", "code"])
def test_request_cannot_change_the_redirect_target(returning: Site, name: str):
    browser = Browser(returning)
    browser.begin(f"?{'companyId=0c5f3d5e-0000-4000-8000-000000000000'}")
    answer = browser.come_back(**{name: "https://evil.test/\r\nX: y"})
    assert answer.headers["Location"].startswith(f"{BACK}&")
    assert "evil" not in str(answer.headers)


def test_connect_needs_a_user_and_valid_ids(connectable: Site):
    refused(connectable.anonymous.get(CONNECT), 401, "unauthorized")
    user = connectable.user("alice")
    for query in ("?companyId=1", "?clientId=x"):
        answer = user.get(CONNECT + query)
        refused(answer, 422, "invalid_fields")
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"linkedin_client_id": None}, "LINKEDIN_CLIENT_ID"),
        ({"token_encryption_keys": ()}, "TOKEN_ENCRYPTION_KEYS"),
        ({"public_base_url": None}, "PUBLIC_BASE_URL"),
    ],
)
def test_connect_without_settings_answers_503_and_logs_them(
    sqlite_url: str, make_site: MakeSite, linkedin: HttpServer, missing: dict[str, Any], named: str
):
    site = make_site(sqlite_url, **(settings(linkedin) | missing))
    for answer in (site.user("alice").get(CONNECT), site.anonymous.get(f"{CALLBACK}?state=s&code=c")):
        refused(answer, 503, "not_configured")
    assert all(named in event["setting"] for event in site.events("not_configured"))


def test_only_the_connect_answer_allows_cors_credentials(sqlite_url: str, make_site: MakeSite, linkedin: HttpServer):
    site = make_site(sqlite_url, cors_origins=(ORIGIN,), **settings(linkedin))
    answer = Browser(site).begin(Origin=ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Credentials" not in Browser(site).begin(Origin="https://evil.test").headers
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    assert site.client.options(CONNECT, headers=asked).headers["Access-Control-Allow-Credentials"] == "true"
    listing = site.user("alice").get("/api/social-accounts", headers={"Origin": ORIGIN})
    assert listing.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Credentials" not in listing.headers


def test_cors_for_every_origin_allows_no_credentials(sqlite_url: str, make_site: MakeSite, linkedin: HttpServer):
    site = make_site(sqlite_url, cors_origins=("*",), **settings(linkedin))
    assert "Access-Control-Allow-Credentials" not in Browser(site).begin(Origin=ORIGIN).headers


def test_schedule_answer_warns_of_expiring_access(connectable: Site):
    user = connectable.user("alice")
    user.account(refreshToken=None, expiresAt=wire_form(NOW + MINUTE))
    answer = user.schedule(user.draft()["id"], NOW + 2 * MINUTE)
    assert [warning["code"] for warning in answer["warnings"]] == ["token_expires_before"]
