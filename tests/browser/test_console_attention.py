"""The page of posts that need attention: groups, one cure for many, refusals kept, and the keyboard alone."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.console import Console
from tests.browser.people import Person
from tests.local.stacks import Running
from tests.local.support import wait_for

pytestmark = pytest.mark.xdist_group("local-stack")
PAGE = "/console/attention"


def picked(console: Console) -> int:
    return len(console.find_all(".row input:checked"))


def test_group_of_twenty_is_retried_in_one_step_and_two_refused_rows_stay_selected(
    shared_console: Console, shared_up: Running
):
    ada = Person(shared_up, "ada")
    ada.account()
    posts = ada.failures(20)
    ada.enters(shared_console, PAGE)
    shared_console.reads("20 posts: The post could not be published after several tries.")
    shared_console.wait("the title", lambda: shared_console.browser.title.startswith("(20) Needs attention"))
    assert shared_console.find(".rail .count").text.startswith("20")
    shared_console.picture("attention-group")
    shared_console.find("article header input[type=checkbox]").click()
    shared_console.reads("20 selected")
    for gone in posts[3:5]:
        ada.call("DELETE", f"/api/posts/{gone}")
    shared_console.click("Retry")
    shared_console.reads("18 posts will be sent again now. 2 posts refused: they stay selected, each with its reason.")
    assert len(shared_console.find_all(".row.refused .error")) == 2
    shared_console.reads("2 selected")
    shared_console.picture("attention-refused")
    wait_for("the publications", lambda: ada.statuses()["published"] == 18, 30.0)
    assert shared_console.violations() == []


def test_polling_rests_while_rows_are_selected(shared_console: Console, shared_up: Running):
    eve = Person(shared_up, "eve")
    eve.account()
    first, second = eve.failures(2)
    eve.enters(shared_console, PAGE)
    shared_console.find(f"[data-post='{first}'] input").click()
    eve.call("DELETE", f"/api/posts/{second}")
    shared_console.reads("updates are paused")
    assert shared_console.browser.execute_async_script(COUNT_POLLS) == 0
    assert shared_console.find_all(f"[data-post='{second}']")
    shared_console.click("Clear")
    shared_console.wait("the fresh list", lambda: not shared_console.find_all(f"[data-post='{second}']"))


def test_posts_are_cancelled_once_it_is_confirmed(shared_console: Console, shared_up: Running):
    fay = Person(shared_up, "fay")
    fay.account()
    [post] = fay.failures(1)
    fay.enters(shared_console, PAGE)
    shared_console.find(f"[data-post='{post}'] input").click()
    for answer, status in (("Keep", "failed"), ("Yes, cancel", "cancelled")):
        shared_console.click("Cancel posts")
        shared_console.reads("Cancel 1 post?")
        shared_console.click(answer)
        shared_console.wait("the end of the dialog", lambda: not shared_console.find_all("dialog"))
        wait_for(f"the status {status}", partial(fay.has_one, status), 10.0)


def test_spread_shows_each_time_before_anything_changes(shared_console: Console, shared_up: Running):
    bob = Person(shared_up, "bob")
    bob.account()
    posts = bob.failures(3)
    bob.enters(shared_console, PAGE)
    shared_console.find("article header input[type=checkbox]").click()
    shared_console.click("Spread…")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for number, hour in ((0, "09:00:00"), (1, "11:00:00")):
        for label, value in (("Date", f"{tomorrow:%Y-%m-%d}"), ("Time", hour), ("Time zone", "UTC")):
            fields = shared_console.browser.find_elements(
                "xpath", f"//fieldset[{number + 1}]//label[normalize-space()='{label}']"
            )
            shared_console.browser.execute_script(SET, fields[0].get_attribute("for"), value)
    shared_console.click("Preview")
    shared_console.reads("3 posts would change")
    shared_console.picture("attention-spread")
    assert bob.statuses()["failed"] == 3
    shared_console.click("Spread 3 posts")
    shared_console.reads("Nothing needs you")
    times = sorted(bob.call("GET", f"/api/posts/{post}")["scheduledAt"][11:19] for post in posts)
    assert times[0] == "09:00:00"
    assert times == sorted(set(times))
    assert times[-1] <= "11:00:00"
    shared_console.picture("attention-empty")


def test_keyboard_alone_goes_from_login_to_retry(shared_console: Console, shared_up: Running):
    cat = Person(shared_up, "cat")
    cat.account()
    [post] = cat.failures(1)
    browser = shared_console.browser
    browser.delete_all_cookies()
    browser.get(shared_up.ports.url("app") + "/console/login")
    shared_console.labelled("Token").send_keys(cat.token, Keys.ENTER)
    shared_console.wait("the frame", lambda: shared_console.find_all(".frame"))
    shared_console.press("a")
    shared_console.find(f"[data-post='{post}']")
    for _ in range(30):
        shared_console.press(Keys.TAB)
        if shared_console.focused().get_attribute("type") == "checkbox":
            break
    shared_console.press(Keys.SPACE)
    assert picked(shared_console) == 1
    shared_console.press("r")
    shared_console.reads("1 post will be sent again now.")
    wait_for("the publication", lambda: cat.statuses()["published"] == 1, 30.0)


# Coming back online polls at once, where polling is not paused. The timer ends after that poll has begun.
COUNT_POLLS = """
const done = arguments[0], real = window.fetch;
let polls = 0;
window.fetch = (...of) => { polls += String(of[0]).includes("limit=200"); return real(...of); };
window.dispatchEvent(new Event("online"));
setTimeout(() => { window.fetch = real; done(polls); }, 200);
"""
SET = """
const field = document.getElementById(arguments[0]);
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, arguments[1]);
field.dispatchEvent(new Event("input", {bubbles: true}));
"""
