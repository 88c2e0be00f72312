"""A post's page in a real browser: its story, its actions, and the question after an unknown outcome."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.author import NEW, Author
from tests.browser.people import Person
from tests.local.stacks import Running

pytestmark = pytest.mark.xdist_group("local-stack")

ATTACK = "<img src=x onerror=alert(1)>"
LINK = "https://www.linkedin.com/feed/update/urn:li:share:7123456789012345678/"


@pytest.fixture
def author(author: Author) -> Author:
    author.zone("Europe/Berlin")
    return author


def opened(author: Author, post_id: str) -> str:
    author.open(f"/console/posts/{post_id}")
    author.arrives_at_the_post()
    return post_id


def in_doubt(author: Author, text: str) -> str:
    """Create a post that n8n took and never answered for, and wait until it is held."""
    post_id = author.create(f"{text} [n8n:drop x1]", 0)
    author.comes_to(post_id, "failed")
    return opened(author, post_id)


def test_story_goes_on_without_a_reload_and_tells_each_instant(author: Author):
    post_id = opened(author, author.create(f"In a moment\n{ATTACK}", 4, timeZone="Europe/Berlin"))
    author.reads("Goes out in")
    text = author.reads("See it on LinkedIn")
    for part in ("You wrote it.", "You scheduled it.", "Try 1: published.", "promised", "woken", "sent"):
        assert part in text
    assert "n8n accepted after" in text
    assert "LinkedIn confirmed" in text
    assert "Europe/Berlin +0" in text
    assert f"In a moment\n{ATTACK}" in author.find(".post-shown").text
    assert not author.find_all("main img")
    [link] = [one.get_attribute("href") for one in author.find_all(".post-buttons a") if "See it" in one.text]
    assert link == author.read(post_id)["externalUrl"]


def test_failed_post_tells_its_cause_and_folds_the_raw_error(author: Author):
    post_id = author.create("Not like this [n8n:permanent x1]", 0)
    author.comes_to(post_id, "failed")
    opened(author, post_id)
    text = author.reads("This post did not go out.")
    assert "The platform refuses this post as it is." in text
    assert "There is no other try until you ask for one." in text
    details = author.find(".story details")
    assert details.get_attribute("open") is None


def test_retry_clicked_twice_sends_once(author: Author):
    post_id = author.create("Once more, once [n8n:permanent x1]", 0)
    author.comes_to(post_id, "failed")
    opened(author, post_id)
    author.browser.execute_script(
        "const button = [...document.querySelectorAll('.post-buttons button')][0]; button.click(); button.click();"
    )
    author.reads("See it on LinkedIn")
    assert not author.find_all(".toast-bad")
    assert " late)" not in author.text.partition("Try 2")[2]  # a person asked for it at that moment
    assert author.sends_of(post_id) == 2  # the first try, and one more
    timeline = author.call("GET", f"/api/posts/{post_id}/timeline")
    assert [one["reason"] for one in timeline["transitions"]].count("retried_by_hand") == 1


def test_unknown_outcome_is_settled_by_the_link_that_is_there(author: Author):
    post_id = in_doubt(author, "Is it there")
    author.reads("Is this post on LinkedIn?")
    author.fill("Paste its link", "https://www.facebook.com/page/posts/1234567890")
    author.click("It is there: take this link")
    author.wait("the refusal", lambda: author.labelled("Paste its link").get_attribute("aria-invalid"))
    assert author.read(post_id)["status"] == "failed"
    author.fill("Paste its link", LINK)
    author.click("It is there: take this link")
    author.reads("found it on the platform and gave its link")
    post = author.read(post_id)
    assert (post["status"], post["externalUrl"], author.sends_of(post_id)) == ("published", LINK, 1)


def test_unknown_outcome_is_sent_again_once_a_person_says_so(author: Author):
    post_id = in_doubt(author, "It is not there")
    author.click("It is not: send again")
    author.reads("See it on LinkedIn")
    assert "though an earlier one may be out" in author.text
    assert (author.read(post_id)["status"], author.sends_of(post_id)) == ("published", 2)


def test_post_is_moved_by_a_key_to_another_second(author: Author):
    body: dict[str, Any] = {"scheduledAt": "2027-06-01T09:00:07", "timeZone": "Europe/Berlin"}
    post_id = opened(author, author.create("To be moved", **body))
    author.press("m")
    author.wait("the time", lambda: author.labelled("Time").get_attribute("value") == "09:00:07")
    author.fill("Time", "10:30:08")
    author.click("Move it")
    author.reads("You moved it.")
    assert author.read(post_id)["scheduledAt"] == "2027-06-01T08:30:08.000Z"


def test_post_is_unscheduled_and_cancelled_once_it_is_confirmed(author: Author):
    body: dict[str, Any] = {"scheduledAt": "2027-06-03T09:00:00", "timeZone": "Europe/Berlin"}
    post_id = opened(author, author.create("On second thoughts", **body))
    author.click("Unschedule")
    author.reads("A draft. Nothing goes out until you schedule it.")
    author.click("Cancel for good")
    author.click("Keep it")
    assert author.read(post_id)["status"] == "draft"
    author.click("Cancel for good")
    author.click("Yes, cancel it")
    author.reads("Cancelled. This post never goes out.")
    assert author.read(post_id)["status"] == "cancelled"
    author.open(f"{NEW}?id={post_id}")  # as the back button does
    assert author.arrives_at_the_post() == post_id


def test_calls_are_shown_without_a_token(author: Author):
    body: dict[str, Any] = {"scheduledAt": "2027-06-04T09:00:00", "timeZone": "Europe/Berlin"}
    post_id = opened(author, author.create("By hand or by shell", **body))
    author.find("main > section > details summary").click()
    text = author.reads("$TOKEN")
    assert f"/api/posts/{post_id}/unschedule" in text
    assert author.up.token not in str(author.browser.page_source)


def test_failed_post_is_sent_again_by_keys_alone(author: Author):
    post_id = author.create("Keys will do [n8n:permanent x1]", 0)
    author.comes_to(post_id, "failed")
    opened(author, post_id)
    author.reads("Try again now")
    for _ in range(40):
        if author.focused().text == "Try again now":
            break
        author.press(Keys.TAB)
    author.press(Keys.ENTER)
    author.reads("See it on LinkedIn")
    assert author.read(post_id)["status"] == "published"


def test_far_instant_is_told_quietly_and_an_access_that_ends_before_it_as_a_warning(
    author: Author, authors_stack: Running
):
    far = Person(authors_stack, "far")
    soon, day = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for days in (3, 60))
    stays = far.account()
    ends = far.account(personUrn="urn:li:person:ends", accountName="Ends", expiresAt=f"{soon}T12:00:00Z")
    body = {"content": "Far ahead", "scheduledAt": f"{day}T09:00:00", "timeZone": "Europe/Berlin"}
    quiet, risky = (far.call("POST", "/api/posts", body | {"socialAccountId": one})["id"] for one in (stays, ends))
    far.enters(author)
    opened(author, quiet)
    text = author.reads("Good to know")
    assert "It may not go out on time" not in text
    assert not author.find_all(".risks")
    opened(author, risky)
    assert "further ahead than the message service plans" not in author.find(".risks").text
    assert "access ends" in author.find(".risks").text
    author.open(f"/?zone=Europe/Berlin&view=day&date={day}")
    author.find(f"[data-post='{quiet}'] .post-card-risk.note")
    loud = author.find(f"[data-post='{risky}'] .post-card-risk")
    assert loud.text == "Access ends before"  # and no "+1" for the far instant
    assert "note" not in (loud.get_attribute("class") or "")
    counts = far.call("GET", "/api/posts/counts?needsAttention=true")["needsAttention"]
    assert [(one["code"], one["count"]) for one in counts] == [("token_expires_before", 1)]


def test_unknown_post_answers_with_a_way_back(author: Author):
    author.open("/console/posts/00000000-0000-4000-8000-000000000000")
    author.reads("There is no such post")
    author.reads("Go to the calendar")


def test_page_fits_a_small_phone(author: Author):
    author.size(320, 640, phone=True)
    body: dict[str, Any] = {"scheduledAt": "2027-06-05T09:00:07", "timeZone": "America/Argentina/ComodRivadavia"}
    opened(author, author.create("A_very_long_word_" * 20, **body))
    assert not author.scrolls_sideways()
    author.click("Move…")
    author.labelled("Time zone")
    assert not author.scrolls_sideways()
