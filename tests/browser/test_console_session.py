"""The console's session in a real browser: hidden from scripts, and of no use to pages of other origins."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.serving import BaseWSGIServer, make_server

from app.adapters.oidc import OidcProvider
from app.web.console.built import Built
from app.web.console.pages import BUILT
from tests.adapters.servers import HttpServer, Seen, http_server
from tests.browser.conftest import PATIENCE
from tests.browser.console import build_console
from tests.support.oidc_provider import CLIENT, SECRET, Provider, oidc_provider
from tests.web.site import SetClock, Site, build, capture_log, settings_for
from tests.web.test_console_pages import write_build

NOWHERE = "http://127.0.0.1:9"
CALL = """
const [url, options, done] = arguments;
fetch(url, options).then(
  async (answer) => done([answer.status, await answer.text()]), (error) => done([0, `${error}`]));
"""
JSON = {"Content-Type": "application/json"}
FORM = """<!doctype html><title>Another page</title><form method="post" enctype="text/plain" action="{url}/api/posts">
<input name='{{"content": "planted", "x": "' value='"}}'></form><a id="link" href="{url}/api/posts">see</a>"""


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    log: list[str] = []
    with capture_log(log):
        made = build(settings_for(sqlite_url, NOWHERE, NOWHERE), SetClock(), log)
        write_build(tmp_path / "dist")
        made.app.extensions[BUILT] = Built(tmp_path / "dist")
        yield made
    made.services.deps.db.close()


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    with served(site) as address:
        yield address


@contextmanager
def served(site: Site) -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server: BaseWSGIServer = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def other(url: str) -> Iterator[HttpServer]:
    """A page of another port, and under the name localhost of another site."""

    def answer(_: Seen) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "text/html"}, FORM.format(url=url).encode()

    with http_server(answer) as server:
        yield server


def call(browser: Chrome, address: str, method: str = "GET", **options: Any) -> tuple[int, str]:
    """Call the address from the browser's present page. Return status 0 where the page may not see the answer."""
    status, text = browser.execute_async_script(CALL, address, {"method": method, "credentials": "include", **options})
    return int(status), str(text)


def refusals(site: Site) -> list[str]:
    return [line["reason"] for line in site.events("auth.refused")]


def test_session_serves_its_own_page_and_no_page_of_another_origin(
    browser: Chrome, site: Site, url: str, other: HttpServer
):
    browser.get(f"{url}/console/login")
    token = site.services.users.issue("alice")
    headers = JSON | {"Authorization": f"Bearer {token}"}
    status, text = call(browser, "/console/session", "POST", headers=headers, body="{}")
    assert (status, json.loads(text)["userId"]) == (200, "alice")
    [cookie] = browser.get_cookies()
    kept = {name: cookie[name] for name in ("name", "httpOnly", "secure", "sameSite", "path")}
    assert kept == {
        "name": "__Host-punctual",
        "httpOnly": True,
        "secure": True,
        "sameSite": "Strict",
        "path": "/",
    }
    assert browser.execute_script("return document.cookie") == ""
    assert call(browser, "/api/posts", "POST", headers=JSON, body='{"content": "mine"}')[0] == 201
    assert call(browser, "/api/posts", "POST", body='{"content": "no JSON"}')[0] == 415
    assert refusals(site) == []

    same_site, another_site = other.url, other.url.replace("127.0.0.1", "localhost")
    for page, reason in ((same_site, "the session came from another origin: same-site"), (another_site, "there is no")):
        before = len(refusals(site))
        browser.get(page)
        assert call(browser, f"{url}/api/posts")[0] == 0
        assert call(browser, f"{url}/api/posts", "POST", mode="no-cors", body='{"content": "planted"}')[0] == 0
        browser.execute_script("document.forms[0].submit()")
        WebDriverWait(browser, PATIENCE).until(lambda _: '"status":4' in browser.page_source.replace(" ", ""))
        browser.get(page)
        browser.execute_script("document.getElementById('link').click()")
        WebDriverWait(browser, PATIENCE).until(lambda _: "unauthorized" in browser.page_source)
        assert {text[: len(reason)] for text in refusals(site)[before:]} == {reason}
    assert [row[0] for row in site.rows("SELECT content FROM posts")] == ["mine"]
    browser.get(f"{url}/")
    assert call(browser, "/console/session")[0] == 200


@pytest.mark.xdist_group("local-stack")  # one worker builds the console
def test_person_comes_back_from_the_provider_of_another_site_to_the_page_that_was_wanted(
    browser: Chrome, sqlite_url: str
):
    build_console()
    clock = SetClock()
    clock.at = datetime.now(UTC)  # the page looks at the end of its session by its own clock
    with oidc_provider(lambda: clock.at.timestamp()) as provider:
        provider.host = "localhost"
        settings = settings_for(sqlite_url, NOWHERE, NOWHERE, **oidc_settings(provider))
        site = build(settings, clock, [])
        site.app.extensions[BUILT] = Built()
        with served(site) as url:
            own = dataclasses.replace(settings, public_base_url=url)
            sign_in = OidcProvider(own, clock)
            site.app.extensions["punctual"] = dataclasses.replace(site.services, sign_in=sign_in)
            browser.get(f"{url}/console/accounts")
            organisation = WebDriverWait(browser, PATIENCE).until(
                lambda _: browser.find_elements("link text", "Log in with your organisation")
            )
            organisation[0].click()
            WebDriverWait(browser, PATIENCE).until(lambda _: browser.current_url == f"{url}/console/accounts")
            WebDriverWait(browser, PATIENCE).until(lambda _: browser.find_elements("css selector", ".frame"))
            assert json.loads(call(browser, "/console/session")[1])["userId"] == "alice"
            assert [cookie["name"] for cookie in browser.get_cookies()] == ["__Host-punctual"]
    site.services.deps.db.close()


def oidc_settings(provider: Provider) -> dict[str, str]:
    named = {"console_oidc_issuer": provider.issuer, "console_oidc_client_id": CLIENT}
    return named | {"console_oidc_client_secret": SECRET}
