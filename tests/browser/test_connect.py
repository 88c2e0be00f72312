"""The OAuth flow as a person sees it: a real browser, the real app over HTTP, and the LinkedIn stand-in."""

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
PICTURES = os.environ.get("BROWSER_PICTURES")  # a folder, for whoever wants to look


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    # Ahead by more than a token's life, so that the next sweep renews what was just connected.
    with stack(tmp_path_factory.mktemp("stack"), TOKEN_REFRESH_AHEAD_DAYS="61") as running:
        yield running


class Page:
    """What a person does with the page: reads it, fills in, clicks."""

    def __init__(self, browser: Chrome, up: Running) -> None:
        self.browser, self.up = browser, up

    def begin(self) -> None:
        """From the frontend, with the user's token, to LinkedIn's question."""
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
        """Waits until the page shows this; the whole text then."""
        WebDriverWait(self.browser, PATIENCE).until(lambda _: text in self.text, f"{text!r} on {self.text!r}")
        return self.text

    @property
    def text(self) -> str:
        """In one step, since the next page may come between finding an element and reading it."""
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


def test_a_click_on_allow_connects_the_members_account(page: Page, up: Running) -> None:
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


def test_what_was_connected_by_a_click_is_renewed_by_the_sweep(page: Page, up: Running) -> None:
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


def test_a_click_on_cancel_is_told_in_a_sentence_and_connects_nothing(page: Page, up: Running) -> None:
    page.begin()
    page.fill("member", "Bea Decliner")
    page.click("Cancel")
    assert "declined" in page.reads("LinkedIn is not connected")
    page.picture("declined")
    assert accounts(up, "Bea Decliner") == []


def test_going_back_to_the_callback_a_second_time_changes_nothing(page: Page, up: Running) -> None:
    page.begin()
    page.fill("member", "Cyd Returner")
    page.click("Allow")
    page.reads("LinkedIn is connected")
    page.browser.refresh()
    assert "used already" in page.reads("LinkedIn is not connected")
    assert len(accounts(up, "Cyd Returner")) == 1


def test_a_link_that_an_attacker_began_connects_nothing_in_a_victims_browser(page: Page, up: Running) -> None:
    """The attacker's own state and a victim who says yes: without the attacker's cookie it is worth nothing."""
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


def test_a_failure_at_linkedin_is_told_and_a_second_try_connects(page: Page, up: Running) -> None:
    fault = {"do": "503", "at": "token"}
    requests.post(f"{up.ports.url('linkedin')}/_local/faults", json=fault, timeout=PATIENCE).raise_for_status()
    for expected in ("LinkedIn is not connected", "LinkedIn is connected"):
        page.begin()
        page.fill("member", "Dee Retrier")
        page.click("Allow")
        page.reads(expected)
    assert len(accounts(up, "Dee Retrier")) == 1
