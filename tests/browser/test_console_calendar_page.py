"""The calendar's page in a real browser: keys, narrow windows, hostile texts, wrong clocks and ended sessions."""

from datetime import UTC, datetime, timedelta

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.calendar_page import BERLIN, SPRING, call, card, click_card, focus, read, schedule, settled, shows
from tests.browser.console import Console
from tests.local.stacks import Running

pytestmark = pytest.mark.xdist_group("local-stack")


def test_markup_in_a_text_stays_text(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07", '<img src=x onerror="document.title=1"> <b>bold</b>')
    console.open(SPRING)
    assert shows(console, post, "<img src=x onerror")
    click_card(console, post)
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
    click_card(console, post)
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
        click_card(console, post)
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


def test_draft_dragged_onto_a_time_is_scheduled_there(console: Console, up: Running) -> None:
    post = call(up, "POST", "/api/posts", {"content": "An idea for later"})["id"]
    console.size(1280, 1100)
    console.open(f"{SPRING}&view=week")
    idea = console.find(f'[data-draft="{post}"] .tray-account')
    console.wait("the end of the loading", lambda: not console.find_all(".busy"))
    actions = ActionChains(console.browser, duration=80)
    actions.click_and_hold(idea).move_by_offset(8, -8).move_to_element(console.find(".grid")).move_by_offset(4, 2)
    actions.release().perform()
    settled(console, "Moved to Thu 25 March 2027")
    assert read(up, post)["status"] == "scheduled"
