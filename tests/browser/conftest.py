"""A real browser: Debian's Chromium, headless, limited to this machine.

CI installs a browser, so a missing one is an error there. Elsewhere these tests are skipped, and the last lines of the
run name the packages to install. The rest of the suite needs only Python.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, NoReturn

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from tests.local.stacks import Running

if TYPE_CHECKING:
    from tests.browser.author import Author
    from tests.browser.console import Console

NEEDED = ("chromium", "chromedriver")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--window-size=900,700",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    # Nothing but the loopback has an address. Its two names are two sites.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)
#: Settings with which an unknown outcome is held after seconds, not minutes.
HOLDING = {"N8N_TIMEOUT_SECONDS": "1", "PUBLISH_LEASE_SECONDS": "2", "UNKNOWN_OUTCOME_POLICY": "hold"}
PATIENCE = float(os.environ.get("BROWSER_PATIENCE", "60"))  # seconds, ends a hanging test


def leave_out(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """Start a browser with a new profile, in the test's own folder."""
    with chrome(tmp_path / "profile") as driver:
        yield driver


@pytest.fixture(scope="package")
def authors_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start one stack for the pages of authors."""
    from tests.browser.console import console_stack  # it imports this module

    with console_stack(tmp_path_factory.mktemp("authors"), **HOLDING) as running:
        yield running


@pytest.fixture(scope="package")
def authors_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chrome(tmp_path_factory.mktemp("authors-browser") / "profile") as started:
        yield started


@pytest.fixture
def author(authors_browser: Chrome, authors_stack: Running) -> Iterator[Author]:
    """Sign an author in, in New York, with nothing kept from another test. No page may break its policy."""
    from tests.browser.author import Author  # it imports this module

    person = Author(authors_browser, authors_stack)
    person.size(1280, 900)
    person.zone("America/New_York")
    person.log_in()
    person.browser.execute_script("localStorage.clear()")
    yield person
    assert person.violations() == []


@contextmanager
def chrome(profile: Path) -> Iterator[Chrome]:
    """Start a browser on a profile, and end it."""
    found = {name: which(name) for name in NEEDED}
    if missing := [name for name, path in found.items() if path is None]:
        leave_out(f"No {' and no '.join(missing)} here. On Debian: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = str(found["chromium"])
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, ChromeService(str(found["chromedriver"])))
    try:
        driver.set_page_load_timeout(PATIENCE)
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def shared_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start one stack for the pages. A failed send is not tried again, and alarms may be more than a year ahead."""
    from tests.browser.console import console_stack

    with console_stack(tmp_path_factory.mktemp("stack"), MAX_RETRIES="0", QSTASH_MAX_DELAY_DAYS="400") as running:
        yield running


@pytest.fixture(scope="session")
def shared_console(shared_up: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Open one browser for those pages. Each test logs in as a person of its own."""
    from tests.browser.console import Console

    with chrome(tmp_path_factory.mktemp("browser") / "profile") as driver:
        opened = Console(driver, shared_up)
        opened.size(1280, 800)
        yield opened


@pytest.fixture
def up(shared_up: Running) -> Running:
    return shared_up


@pytest.fixture
def console(shared_console: Console) -> Iterator[Console]:
    """Log in with an empty calendar, a browser in New York and a desktop's window."""
    shared_console.cancel_all()
    shared_console.size(1280, 900)
    shared_console.zone("America/New_York")
    shared_console.log_in()
    yield shared_console
    assert shared_console.violations() == []
    shared_console.zone("")
    shared_console.size(1280, 800)
