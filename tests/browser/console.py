"""The console in a real browser: a stack with a built console, and a person's actions on its pages."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from app.web.console.build import build
from app.web.console.node import BuildError
from tests.browser.conftest import PATIENCE, leave_out
from tests.local.stacks import Running, stack

PICTURES = os.environ.get("BROWSER_PICTURES")  # a folder for screenshots
T = TypeVar("T")

# Violations of the page's policy, collected from the first script on.
COLLECT = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


def build_console() -> None:
    """Build the console of the present sources, unless that is done."""
    try:
        build()
    except BuildError as error:
        leave_out(str(error))


@contextmanager
def console_stack(state: Path, **env: str) -> Iterator[Running]:
    """Start a stack whose app serves the console of the present sources."""
    build_console()
    with stack(state, None, **env) as running:
        yield running


@contextmanager
def told() -> Iterator[None]:
    """End a command, not a test, with the sentence about what this machine lacks."""
    try:
        yield
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        sys.exit(str(missing))


class Console:
    """A person at the console."""

    def __init__(self, browser: Chrome, up: Running) -> None:
        self.browser, self.up = browser, up
        self.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COLLECT})

    def cancel_all(self) -> None:
        """Cancel every post of the user that is not out."""
        api, headers = self.up.ports.url("app") + "/api/posts", {"Authorization": f"Bearer {self.up.token}"}
        query = {"status": "draft,scheduled,failed", "limit": "200"}
        for post in requests.get(api, query, headers=headers, timeout=PATIENCE).json()["data"]:
            requests.delete(f"{api}/{post['id']}", headers=headers, timeout=PATIENCE)

    # Ways in

    def log_in(self, path: str = "/", token: str | None = None) -> None:
        """Log in through the address that `make run` prints, and open the path. `token`: another user's."""
        found = re.search(r"Console\s+(\S+/console/login#token=)(\S+)", self.up.screen)
        assert found, self.up.screen
        self.enter(token or found.group(2), path)

    def enter(self, token: str, path: str = "/") -> None:
        """Log in with a token, whoever was logged in before, and open the path."""
        self.offline(False)
        self.browser.get("about:blank")
        self.forget()
        self.browser.get(f"{self.up.ports.url('app')}/console/login#token={token}")
        self.wait("the frame", lambda: self.find_all(".frame"))
        if path != "/":
            self.open(path)

    def forget(self) -> None:
        """Delete all cookies, wherever the browser is."""
        self.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def open(self, path: str) -> None:
        self.browser.get(self.up.ports.url("app") + path)
        self.wait("the frame", lambda: self.find_all(".frame, .login"))

    def size(self, width: int, height: int, *, phone: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def zone(self, name: str) -> None:
        """Set the browser's time zone. An empty name is the machine's own."""
        self.browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": name})

    def scheme(self, name: str, *, still: bool = False) -> None:
        """Prefer "dark" or "light". `still`: without motion."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        features += [{"name": "prefers-reduced-motion", "value": "reduce"}] if still else []
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def offline(self, away: bool) -> None:
        """Cut the browser off from the server, or connect it again."""
        conditions = {"offline": away, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.browser.execute_cdp_cmd("Network.enable", {})
        self.browser.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)

    # What it shows

    @property
    def text(self) -> str:
        return str(self.browser.execute_script("return document.body ? document.body.innerText : ''"))

    @property
    def path(self) -> str:
        return str(self.browser.execute_script("return location.pathname + location.search"))

    def reads(self, text: str) -> str:
        """Wait until the page shows the text, and return the page's whole text."""
        self.wait(f"the text {text!r}", lambda: text in self.text)
        return self.text

    def find_all(self, css: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, css)

    def find(self, css: str) -> WebElement:
        return self.wait(f"an element {css!r}", lambda: self.find_all(css))[0]

    def labelled(self, label: str) -> WebElement:
        """Return the field with this label."""
        xpath = f"//*[@id = //label[normalize-space()='{label}']/@for]"
        return self.wait(f"the field {label!r}", lambda: self.browser.find_elements(By.XPATH, xpath))[0]

    def violations(self) -> list[str]:
        """Return the page's violations of its policy, and errors in its scripts."""
        seen = [str(one) for one in self.browser.execute_script("return window.violations ?? []")]
        errors = [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]
        return seen + [one for one in errors if "Content Security Policy" in one or "Uncaught" in one]

    def scrolls_sideways(self) -> bool:
        root = "document.documentElement"
        return bool(self.browser.execute_script(f"return {root}.scrollWidth > {root}.clientWidth"))

    # What a person does

    def click(self, label: str) -> None:
        """Click the button or the link with this text or name."""
        named = f"normalize-space()='{label}' or @aria-label='{label}'"
        xpath = f"(//dialog[@open]//*[self::button or self::a][{named}]) | (//*[self::button or self::a][{named}])"

        def clicked() -> bool:
            found = [one for one in self.browser.find_elements(By.XPATH, xpath) if one.is_displayed()]
            if found:
                found[-1].click()
            return bool(found)

        self.wait(f"the button {label!r}", clicked)

    def double_click(self, label: str) -> None:
        """Click a button twice, as fast as a hand does."""
        [found] = self.browser.find_elements(By.XPATH, f"//button[normalize-space()='{label}']")
        ActionChains(self.browser).double_click(found).perform()

    def press(self, *keys: str, holding: str | None = None) -> None:
        """Press keys where the focus is. `holding`: a modifier, down meanwhile."""
        actions = ActionChains(self.browser)
        if holding:
            actions.key_down(holding)
        for key in keys:
            actions.send_keys(key)
        if holding:
            actions.key_up(holding)
        actions.perform()

    def fill(self, label: str, value: str) -> None:
        """Set a field to the value, as typed or chosen."""
        field = self.labelled(label)
        if field.get_attribute("type") in ("date", "time"):  # what keys mean there depends on the locale
            self.browser.execute_script(SET_VALUE, field, value)
            return
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.CONTROL + Keys.NULL, value)

    def press_until(self, there: Callable[[], bool], key: str = Keys.TAB, most: int = 120) -> None:
        """Press the key until the focus is where it should be."""
        for _ in range(most):
            if there():
                return
            self.press(key)
        raise AssertionError(f"the focus never came there, but is on {self.focused().get_attribute('outerHTML')}")

    def announced(self) -> str:
        return str(self.find("[data-announced]").get_attribute("textContent"))

    def focused(self) -> WebElement:
        return self.browser.switch_to.active_element

    def picture(self, name: str) -> None:
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.browser.save_screenshot(str(Path(PICTURES) / f"{name}.png"))

    def wait(self, what: str, until: Callable[[], T]) -> T:
        """Wait until the function returns something true, and return it."""

        def tried(_: Any) -> T | None:
            try:
                return until()
            except StaleElementReferenceException:  # the page drew it again meanwhile
                return None

        return WebDriverWait(self.browser, PATIENCE, poll_frequency=0.05).until(tried, f"no sign of {what}")  # type: ignore[return-value]


SET_VALUE = """
const [field, value] = arguments;
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, value);
field.dispatchEvent(new Event("input", {bubbles: true}));
"""
