"""Posts moved in time on the calendar, in a real browser: by hand, by dialog and by undo."""

from datetime import UTC, datetime, timedelta

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.calendar_page import (
    AUTUMN,
    BERLIN,
    DST_BEGINS,
    DST_ENDS,
    SPRING,
    call,
    card,
    close_messages,
    drag,
    focus,
    is_on,
    message_second,
    read,
    refused,
    schedule,
    settled,
    shows,
)
from tests.browser.console import Console
from tests.local.stacks import Running

pytestmark = pytest.mark.xdist_group("local-stack")


def test_post_ten_seconds_ahead_turns_published_without_a_reload(console: Console, up: Running) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10)
    post = schedule(up, at.strftime("%Y-%m-%dT%H:%M:%S"), "Out in ten seconds", "UTC")
    assert shows(console, post, "Scheduled")  # drawn by the poll
    console.browser.execute_script("window.same = true")
    assert shows(console, post, "Published")
    assert console.browser.execute_script("return window.same")
    assert read(up, post)["status"] == "published"


def test_drag_over_the_change_of_clocks_keeps_the_seconds(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07")
    before = message_second(up, post)
    console.open(SPRING)
    assert shows(console, post, "09:00:07")
    drag(console, post, "2027-03-29")
    settled(console, "Moved to Mon 29 March 2027, 09:00:07 Europe/Berlin +02:00")
    moved = read(up, post)
    assert (moved["scheduledAt"], moved["timeZone"]) == ("2027-03-29T07:00:07.000Z", BERLIN)
    assert message_second(up, post) - before == 4 * 86_400 - 3_600
    assert is_on(console, post, "2027-03-29")


def test_drag_on_a_grid_of_another_zone_keeps_the_post_s_own(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T09:00:07", zone="Asia/Tokyo")
    console.open(SPRING)
    drag(console, post, "2027-03-29")
    settled(console, "Moved to Mon 29 March 2027, 01:00:07 Europe/Berlin +02:00")
    moved = read(up, post)
    assert (moved["scheduledAt"], moved["timeZone"]) == ("2027-03-28T23:00:07.000Z", "Asia/Tokyo")


def test_post_late_in_the_evening_stands_on_one_day(console: Console, up: Running) -> None:
    post = schedule(up, "2027-03-25T23:40:07")
    for view in ("list", "week", "month"):
        console.open(f"{SPRING}&view={view}")
        assert shows(console, post, "23:40:07")
        assert len(console.find_all(f'[data-post="{post}"]')) == 1
    drag(console, post, "2027-03-27")
    settled(console, "Moved to Sat 27 March 2027, 23:40:07")
    call(up, "POST", f"/api/posts/{post}/schedule", {"scheduledAt": "2027-03-25T23:50:07", "timeZone": BERLIN})
    assert shows(console, post, "23:50:07")
    assert len(console.find_all(f'[data-post="{post}"]')) == 1


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
    assert shows(console, post, "Publishing")
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
