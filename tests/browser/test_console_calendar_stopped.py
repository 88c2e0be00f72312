"""The calendar while the server's processes are stopped, and after they are started again."""

from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.calendar_page import SPRING, card, drag, is_on, read, refused, schedule
from tests.browser.console import Console, console_stack
from tests.local.stacks import is_up, stack

pytestmark = pytest.mark.xdist_group("local-stack")
BANNER = "The server does not answer"


def test_drag_while_the_server_is_stopped_is_put_back_and_the_post_is_unchanged(
    browser: Chrome, tmp_path: Path
) -> None:
    with console_stack(tmp_path / "stack") as up:
        console = Console(browser, up)
        console.size(1280, 900)
        console.log_in()
        post = schedule(up, "2027-03-25T09:00:07")
        console.open(SPRING)
        card(console, post)
        before = read(up, post)
    assert not is_up(up.ports.url("app") + "/healthz")
    drag(console, post, "2027-03-26")
    refused(console, up, post, "2027-03-25", "Not moved: The server did not answer")
    console.reads(BANNER)
    with stack(tmp_path / "stack", up.ports) as again:
        console.wait("no banner", lambda: BANNER not in console.text)
        assert is_on(console, post, "2027-03-25")
        assert read(again, post) == before
        assert console.violations() == []
