"""The calendar in a real browser: posts that go out before one's eyes, and posts that are moved in time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.conftest import PATIENCE, chrome
from tests.browser.console import Console, console_stack
from tests.local.stacks import Running

pytestmark = pytest.mark.xdist_group("local-stack")

BERLIN = "Europe/Berlin"
DST_BEGINS, DST_ENDS = "2027-03-28", "2027-10-31"  # both at night, in Berlin
SPRING, AUTUMN = "/?zone=Europe/Berlin&date=2027-03-26", "/?zone=Europe/Berlin&date=2027-10-29"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with console_stack(tmp_path_factory.mktemp("stack"), QSTASH_MAX_DELAY_DAYS="400") as running:
        yield running


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chrome(tmp_path_factory.mktemp("browser") / "profile") as started:
        yield started


@pytest.fixture
def console(driver: Chrome, up: Running) -> Iterator[Console]:
    """Log in with an empty calendar, a browser in New York and a desktop's window."""
    for post in posts(up, status="draft,scheduled,failed"):
        requests.delete(f"{up.ports.url('app')}/api/posts/{post['id']}", headers=bearer(up), timeout=PATIENCE)
    console = Console(driver, up)
    console.size(1280, 900)
    console.zone("America/New_York")
    console.log_in()
    yield console
    assert console.violations() == []


def bearer(up: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {up.token}"}


def call(up: Running, method: str, path: str, body: Any = None) -> Any:
    answer = requests.request(method, up.ports.url("app") + path, json=body, headers=bearer(up), timeout=PATIENCE)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def posts(up: Running, **query: str) -> list[dict[str, Any]]:
    wanted = "&".join(f"{name}={value}" for name, value in query.items())
    found: list[dict[str, Any]] = call(up, "GET", f"/api/posts?limit=200&{wanted}")["data"]
    return found


def schedule(up: Running, local: str, content: str = "We ship on Tuesday", zone: str = BERLIN) -> str:
    body = {"content": content, "scheduledAt": local, "timeZone": zone}
    return str(call(up, "POST", "/api/posts", body)["id"])


def read(up: Running, post: str) -> dict[str, Any]:
    found: dict[str, Any] = call(up, "GET", f"/api/posts/{post}")
    return found


def message_second(up: Running, post: str) -> int:
    """Return the second for which the QStash stand-in holds the post's one message."""
    listed = requests.get(f"{up.ports.url('qstash')}/_local/messages", timeout=PATIENCE).json()["messages"]
    [found] = [one for one in listed if one["messageId"] == read(up, post)["messageId"]]
    return int(found["notBefore"]) // 1000


def card(console: Console, post: str) -> WebElement:
    return console.find(f'[data-post="{post}"]')


def cell(console: Console, date: str) -> WebElement:
    return console.find(f'[role=gridcell][data-date="{date}"]')


def drag(console: Console, post: str, date: str) -> None:
    """Drag a card to a day of the month, with steps as a hand makes them."""
    target = cell(console, date)
    actions = ActionChains(console.browser, duration=50)
    actions.click_and_hold(card(console, post)).move_by_offset(8, 8).move_to_element(target).move_by_offset(2, 2)
    actions.release().perform()


def is_on(console: Console, post: str, date: str) -> bool:
    return bool(console.find_all(f'[data-date="{date}"] [data-post="{post}"]')) or bool(
        console.browser.execute_script(COVERS, post, date)
    )


# Cards are drawn above the cells, so the place tells the day.
COVERS = """
const [post, date] = arguments;
const card = document.querySelector(`[data-post="${post}"]`)?.getBoundingClientRect();
const cell = document.querySelector(`[role=gridcell][data-date="${date}"]`)?.getBoundingClientRect();
if (!card || !cell) return false;
const [x, y] = [card.left + card.width / 2, card.top + card.height / 2];
return cell.left <= x && x <= cell.right && cell.top <= y && y <= cell.bottom;
"""


def settled(console: Console, text: str) -> None:
    console.reads(text)
    console.wait("the end of the saving", lambda: not console.find_all(".card.saving"))


def test_post_ten_seconds_ahead_turns_published_without_a_reload(console: Console, up: Running) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10)
    post = schedule(up, at.strftime("%Y-%m-%dT%H:%M:%S"), "Out in ten seconds", "UTC")
    assert "Scheduled" in card(console, post).text  # drawn by the poll
    console.browser.execute_script("window.same = true")
    console.wait("the published card", lambda: "Published" in card(console, post).text)
    assert console.browser.execute_script("return window.same")
    assert read(up, post)["status"] == "published"


def test_drag_over_the_change_of_clocks_keeps_the_seconds(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07")
    before = message_second(up, post)
    console.open(SPRING)
    assert "09:00:07" in card(console, post).text
    drag(console, post, "2027-03-29")
    settled(console, "Moved to Mon 29 March 2027, 09:00:07 Europe/Berlin +02:00")
    moved = read(up, post)
    assert (moved["scheduledAt"], moved["timeZone"]) == ("2027-03-29T07:00:07.000Z", BERLIN)
    assert message_second(up, post) - before == 4 * 86_400 - 3_600
    assert is_on(console, post, "2027-03-29")


def test_undo_brings_a_dragged_post_back(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07")
    console.open(SPRING)
    for undo in (lambda: console.click("Undo"), lambda: console.press("z", holding=Keys.CONTROL)):
        drag(console, post, "2027-03-29")
        settled(console, "Moved to Mon 29 March 2027")
        undo()
        settled(console, "Undone: back at Thu 25 March 2027, 09:00:07")
        assert read(up, post)["scheduledAt"] == "2027-03-25T08:00:07.000Z"
        console.wait("the card at its old day", lambda: is_on(console, post, "2027-03-25"))
        console.click("Close this message")
