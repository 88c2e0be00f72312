"""The OAuth flow in a real browser, with the real app over HTTP and the LinkedIn stand-in."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.conftest import PATIENCE
from tests.local.stacks import Running, stack

pytestmark = pytest.mark.xdist_group("local-stack")
PICTURES = os.environ.get("BROWSER_PICTURES")  # a folder for screenshots


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # Ahead by more than a token's life, so that the next sweep renews what was just connected.
    with stack(tmp_path_factory.mktemp("stack"), TOKEN_REFRESH_AHEAD_DAYS="61") as running:
        yield running


class Page:
    """A person's actions on the page: read, fill in, click."""

    def __init__(self, browser: Chrome, up: Running) -> None:
        self.browser, self.up = browser, up

    def begin(self) -> None:
        """Go from the frontend, with the user's token, to LinkedIn's consent page."""
        self.browser.get(f"{self.up.ports.url('linkedin')}/#{self.up.token}")
        self.click("Connect LinkedIn")
        self.reads("Allow access?")

    def click(self, label: str) -> None:
        self.browser.find_element(By.XPATH, f"//button[normalize-space()='{label}']").click()

    def fill(self, name: str, value: str) -> None:
        field = self.browser.find_element(By.NAME, name)
        field.clear()
        field.send_keys(value)

    def reads(self, text: str) -> str:
        """Wait until the page shows `text`, and return the page's whole text."""
        WebDriverWait(self.browser, PATIENCE).until(lambda _: text in self.text, f"{text!r} on {self.text!r}")
        return self.text

    @property
    def text(self) -> str:
        """Read the page's text in one step, because the browser may change pages between two steps."""
        return str(self.browser.execute_script("return document.body ? document.body.innerText : ''"))

    def picture(self, name: str) -> None:
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.browser.save_screenshot(str(Path(PICTURES) / f"{name}.png"))


@pytest.fixture
def page(browser: Chrome, up: Running) -> Page:
    return Page(browser, up)


def accounts(up: Running, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = up.api().get("/api/social-accounts")["data"]
    return [account for account in found if account["accountName"] == name]


def test_click_on_allow_connects_the_account(page: Page, up: Running) -> None:
    page.begin()
    assert "post, comment and react on your behalf" in page.text
    page.picture("consent")
    page.fill("member", "Ada Clicker")
    page.click("Allow")
    assert "Ada Clicker" in page.reads("LinkedIn is connected")
    page.picture("connected")
    [account] = accounts(up, "Ada Clicker")
    assert (account["status"], account["platform"]) == ("active", "linkedin")
    assert account["personUrn"].startswith("urn:li:person:")
    assert account["expiresAt"]
    assert page.browser.get_cookies() == []  # the one that bound the browser has done its work


def test_sweep_refreshes_an_account_connected_in_the_browser(page: Page, up: Running) -> None:
    page.begin()
    page.fill("member", "Eva Lasting")
    page.click("Allow")
    page.reads("LinkedIn is connected")
    [connected] = accounts(up, "Eva Lasting")
    secret = json.loads((up.state / "secrets.json").read_text())["ADMIN_SECRET_KEY"]
    admin = {"Authorization": f"Bearer {secret}"}
    requests.post(f"{up.ports.url('app')}/api/scheduler/run", headers=admin, timeout=PATIENCE).raise_for_status()
    [renewed] = accounts(up, "Eva Lasting")
    assert renewed["expiresAt"] > connected["expiresAt"]
    assert renewed["status"] == "active"


def test_click_on_cancel_shows_a_message_and_connects_nothing(page: Page, up: Running) -> None:
    page.begin()
    page.fill("member", "Bea Decliner")
    page.click("Cancel")
    assert "declined" in page.reads("LinkedIn is not connected")
    page.picture("declined")
    assert accounts(up, "Bea Decliner") == []


def test_callback_a_second_time_changes_nothing(page: Page, up: Running) -> None:
    page.begin()
    page.fill("member", "Cyd Returner")
    page.click("Allow")
    page.reads("LinkedIn is connected")
    page.browser.refresh()
    assert "used already" in page.reads("LinkedIn is not connected")
    assert len(accounts(up, "Cyd Returner")) == 1


def test_link_begun_in_another_browser_connects_nothing(page: Page, up: Running) -> None:
    """The victim consents with the attacker's state, but without the attacker's cookie."""
    begun = requests.get(
        f"{up.ports.url('app')}/api/social-accounts/linkedin/connect",
        headers={"Authorization": f"Bearer {up.token}"},
        timeout=PATIENCE,
    )
    page.browser.get(begun.json()["authorizationUrl"])
    page.fill("member", "Vic Victim")
    page.click("Allow")
    assert "another browser" in page.reads("LinkedIn is not connected")
    assert accounts(up, "Vic Victim") == []


def test_linkedin_failure_is_shown_and_a_second_try_connects(page: Page, up: Running) -> None:
    fault = {"do": "503", "at": "token"}
    requests.post(f"{up.ports.url('linkedin')}/_local/faults", json=fault, timeout=PATIENCE).raise_for_status()
    for expected in ("LinkedIn is not connected", "LinkedIn is connected"):
        page.begin()
        page.fill("member", "Dee Retrier")
        page.click("Allow")
        page.reads(expected)
    assert len(accounts(up, "Dee Retrier")) == 1
