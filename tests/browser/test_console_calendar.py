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
        close_messages(console)


def focus(console: Console, post: str) -> None:
    """Focus a card of the settled page: the list of posts is read to its end."""
    console.wait("the end of the loading", lambda: card(console, post) and not console.find_all(".busy"))
    console.browser.execute_script("arguments[0].focus()", card(console, post))


def close_messages(console: Console) -> None:
    while found := console.find_all(".toast [aria-label='Close this message']"):
        console.browser.execute_script("arguments[0].click()", found[0])
        console.wait("one message less", lambda: len(console.find_all(".toast")) < len(found))


def refused(console: Console, up: Running, post: str, was: str, reason: str) -> None:
    """A move was refused: the page says why, and the card and the post are where they were."""
    settled(console, reason)
    console.wait("the card at its old day", lambda: is_on(console, post, was))
    close_messages(console)


def test_time_in_the_gap_asks_for_a_neighbour_of_it(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-27T02:30:07")
    console.open(SPRING)
    drag(console, post, DST_BEGINS)
    text = console.reads("Which one do you mean?")
    assert "Before the change: Sun 28 March 2027, 01:30:07 Europe/Berlin +01:00" in text
    console.wait("the card at its old day", lambda: is_on(console, post, "2027-03-27"))
    console.find_all("dialog input[type=radio]")[1].click()
    console.click("Move")
    settled(console, "Moved to Sun 28 March 2027, 03:30:07 Europe/Berlin +02:00")
    assert read(up, post)["scheduledAt"] == "2027-03-28T01:30:07.000Z"


def test_time_in_the_overlap_has_both_answers(console: Console, up: Running) -> None:
    post = schedule(up, "2027-10-29T02:30:07")
    console.open(AUTUMN)
    for index, (offset, at) in enumerate([("+02:00", "00:30:07"), ("+01:00", "01:30:07")]):
        focus(console, post)
        console.press("m")
        console.fill("Date", DST_ENDS)
        console.fill("Time", "02:30:07")
        console.reads("The clocks go back and show this time twice")
        console.find_all("dialog input[type=radio]")[index].click()
        console.click("Move")
        settled(console, f"Moved to Sun 31 October 2027, 02:30:07 Europe/Berlin {offset}")
        assert read(up, post)["scheduledAt"] == f"2027-10-31T{at}.000Z"


def test_drag_into_the_past_is_put_back_with_the_reason(console: Console, up: Running) -> None:
    post = schedule(up, f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}T12:00:07", zone="UTC")
    was = read(up, post)["scheduledAt"][:10]
    console.open(f"/?zone=UTC&date={was}")
    past = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    focus(console, post)
    console.press("m")
    console.fill("Date", past)
    console.click("Move")
    console.reads("Choose a time in the future.")
    console.press(Keys.ESCAPE)
    console.wait("the card at its old day", lambda: is_on(console, post, was))
    assert read(up, post)["scheduledAt"][:10] == was


def test_stale_card_of_a_deleted_post_is_put_back_and_taken_out(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07")
    console.open(SPRING)
    card(console, post)
    console.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*updatedSince=*"]})  # the tab slept
    call(up, "DELETE", f"/api/posts/{post}")
    drag(console, post, "2027-03-27")
    console.reads("Not moved:")
    console.wait("no card", lambda: not console.find_all(f'[data-post="{post}"]'))
    console.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


def test_post_in_flight_keeps_its_time(console: Console, up: Running) -> None:
    post = call(up, "POST", "/api/posts", {"content": "Held by n8n [n8n:hang]"})["id"]
    call(up, "POST", f"/api/posts/{post}/publish", {})
    console.wait("the post in flight", lambda: "Publishing" in card(console, post).text)
    focus(console, post)
    console.press("m")
    console.reads("A post that is publishing keeps its time.")


def test_drag_while_the_server_is_away_is_put_back_and_the_page_lives_on(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07")
    console.open(SPRING)
    card(console, post)
    console.offline(True)
    drag(console, post, "2027-03-26")
    refused(console, up, post, "2027-03-25", "Not moved: The server did not answer")
    assert "The server does not answer" in console.text
    console.offline(False)
    console.wait("no banner", lambda: "The server does not answer" not in console.text)
    assert read(up, post)["scheduledAt"] == "2027-03-25T08:00:07.000Z"


def test_markup_in_a_text_stays_text(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07", '<img src=x onerror="document.title=1"> <b>bold</b>')
    console.open(SPRING)
    assert "<img src=x onerror" in card(console, post).text
    card(console, post).click()
    assert '<img src=x onerror="document.title=1"> <b>bold</b>' in console.reads("Unschedule")
    assert console.find_all(".dialog img, .grid img") == []
    assert console.violations() == []


def test_keyboard_alone_moves_a_post_from_login_on(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07")
    console.browser.delete_all_cookies()
    console.open(SPRING)
    console.labelled("Token")
    console.press_until(lambda: console.focused().get_attribute("type") == "password")
    console.press(up.token, Keys.ENTER)
    card(console, post)
    console.press_until(lambda: console.focused().get_attribute("data-post") == post)
    console.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, holding=Keys.ALT)
    assert "Sat 27 March 2027, 09:00:07" in console.announced()
    settled(console, "Moved to Sat 27 March 2027, 09:00:07 Europe/Berlin +01:00")
    assert console.focused().get_attribute("data-post") == post
    console.press(Keys.ARROW_UP, holding=Keys.ALT)
    settled(console, "Moved to Sat 27 March 2027, 08:45:07")
    assert read(up, post)["scheduledAt"] == "2027-03-27T07:45:07.000Z"
    console.press("?")
    console.reads("Move the chosen post a day later")
    console.press(Keys.ESCAPE)
    console.press("z")
    console.wait("the zone in the address", lambda: "zone=" in console.path and "UTC" not in console.path)


@pytest.mark.parametrize(("width", "height"), [(320, 640), (640, 450)], ids=["320 px", "200 % zoom"])
def test_narrow_page_has_no_sideways_scroll(console: Console, up: Running, width: int, height: int) -> None:
    post = schedule(up, "2027-03-25T09:00:07", "Averyveryverylongwordwithoutanyspace" * 6)
    console.size(width, height)
    for path in (SPRING, f"{SPRING}&view=day", "/console/login"):
        console.open(path)
        assert not console.scrolls_sideways(), path
    console.open(SPRING)
    card(console, post).click()
    console.reads("Unschedule")
    assert not console.scrolls_sideways()


def test_session_that_ends_in_the_middle_of_a_move_loses_nothing(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07")
    console.open(SPRING)
    focus(console, post)
    console.press("m")
    console.fill("Time", "10:20:30")
    console.browser.delete_all_cookies()
    console.click("Move")
    console.reads("Your session has ended")
    assert console.labelled("Time").get_attribute("value") == "10:20:30"
    first = console.browser.current_window_handle
    console.browser.switch_to.new_window("tab")
    console.log_in()
    console.browser.close()
    console.browser.switch_to.window(first)
    console.wait("no banner", lambda: "Your session has ended" not in console.text)
    console.click("Move")
    settled(console, "Moved to Thu 25 March 2027, 10:20:30")


def test_clock_of_the_browser_an_hour_wrong_changes_nothing(console: Console, up: Running) -> None:
    script = {"source": "const real = Date.now; Date.now = () => real() + 3600_000;"}
    wrong = console.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
    try:
        at = (datetime.now(UTC) + timedelta(minutes=30)).replace(microsecond=0)
        post = schedule(up, f"{at:%Y-%m-%dT%H:%M:%S}", zone="UTC")
        console.open("/?zone=UTC")
        card(console, post).click()
        console.reads("in 29 minutes")
    finally:
        console.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", wrong)


def test_draft_of_the_tray_is_scheduled_by_the_dialog(console: Console, up: Running) -> None:
    post = call(up, "POST", "/api/posts", {"content": "An idea for later"})["id"]
    console.open(SPRING)
    console.click("Schedule …")
    console.fill("Date", "2027-03-26")
    console.fill("Time", "18:00:59")
    console.fill("Time zone", BERLIN)
    console.click("Schedule")
    settled(console, "Moved to Fri 26 March 2027, 18:00:59 Europe/Berlin +01:00")
    console.click("Undo")
    console.reads("the post is a draft again")
    assert read(up, post)["status"] == "draft"


def test_filters_stand_in_the_address(console: Console, up: Running) -> None:
    kept, other = schedule(up, "2027-03-25T09:00:07", "Kept"), schedule(up, "2027-03-25T10:00:07", "Other")
    console.open(SPRING)
    card(console, other)
    console.click("Filters")
    console.fill("Text", "kep")
    console.wait("one card", lambda: len(console.find_all("[data-post]")) == 1)
    assert "q=kep" in console.path
    console.browser.refresh()
    card(console, kept)
    assert len(console.find_all("[data-post]")) == 1
