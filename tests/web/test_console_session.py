"""The console's session: its cookie, the requests that it proves, and those that it does not."""

from __future__ import annotations

from tests.web.site import Caller, Site, json_of

SESSION = "/console/session"
SAME = {"Sec-Fetch-Site": "same-origin"}


def sign_in(site: Site, name: str = "alice", *, admin: bool = False) -> Caller:
    """Return a browser with a session."""
    browser = Caller(site.client, SAME, name)
    json_of(browser.post(SESSION, headers=site.user(name, admin).headers, json={}))
    return browser


def test_session_proves_its_user_without_a_token(small_site: Site):
    browser = sign_in(small_site)
    assert json_of(browser.get("/api/posts"))["data"] == []
    assert json_of(browser.get(SESSION)) == {
        "userId": "alice",
        "admin": False,
        "expiresAt": "2026-11-02T20:00:00.000Z",
    }
    assert json_of(browser.post("/api/posts", json={"content": "x"}), 201)["userId"] == "alice"
