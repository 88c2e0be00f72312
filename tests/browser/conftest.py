"""A real browser: Debian's Chromium, headless, without a way out of this machine.

CI installs a browser, so a missing one is an error there. Elsewhere these tests are left out, and the last lines of the
run say so and how to install it: the rest of the suite needs nothing but Python.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import NoReturn

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

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
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # nothing but the loopback has an address
)
PATIENCE = 20.0  # seconds


def leave_out(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A fresh profile for each test; its pictures of failures lie in the test's folder."""
    found = {name: which(name) for name in NEEDED}
    if missing := [name for name, path in found.items() if path is None]:
        leave_out(f"No {' and no '.join(missing)} here. On Debian: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = str(found["chromium"])
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(argument)
    driver = Chrome(options, ChromeService(str(found["chromedriver"])))
    driver.set_page_load_timeout(PATIENCE)
    yield driver
    driver.quit()
