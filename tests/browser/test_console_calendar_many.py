"""A calendar with more posts than a page of the API has: read in parts, and the next month read ahead."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.browser.console import Console
from tests.browser.people import Person
from tests.browser.speed import ZONE, fill, spread
from tests.local.stacks import Running

pytestmark = pytest.mark.xdist_group("local-stack")

MANY, NEXT = 650, 230  # posts from 1 to 28 March, and in April
COUNT = """
const more = [...document.querySelectorAll("[title^='Show ']")].map((one) => Number(/\\d+/.exec(one.title)[0]));
return document.querySelectorAll(".grid [data-post]").length + more.reduce((sum, one) => sum + one, 0);
"""
READ = """
return performance.getEntriesByType("resource").filter((one) => one.name.includes("from=" + arguments[0])).length;
"""


@pytest.fixture(scope="module")
def author(shared_up: Running) -> Person:
    person = Person(shared_up, "author-of-many-posts")
    fill(person, [spread(MANY, utc("2027-03-01"), 27), spread(NEXT, utc("2027-04-06"), 20)])
    return person


@pytest.fixture
def page(console: Console, author: Person) -> Iterator[Console]:
    author.enters(console)
    console.browser.execute_cdp_cmd("Network.enable", {})
    yield console
    console.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


def utc(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def count(page: Console) -> int:
    return int(page.browser.execute_script(COUNT))


def test_a_month_of_several_pages_shows_each_post_once(page: Console) -> None:
    page.open(f"/?zone={ZONE}&date=2027-03-15")
    page.wait("every post", lambda: count(page) == MANY and not page.find_all(".busy"))
    parts = [day for day in range(2, 28) if page.browser.execute_script(READ, f"2027-03-{day:02}")]
    assert len(parts) >= 2  # beside the first page, which begins on the last of February


def test_the_next_month_is_there_without_another_call(page: Console) -> None:
    page.open(f"/?zone={ZONE}&date=2027-03-15")
    page.wait("the pages of the next month", lambda: page.browser.execute_script(READ, "2027-03-28") >= 2)
    page.wait("the end of the reading", lambda: page.browser.execute_script(READ, "2027-01-31") >= 1)
    page.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/api/posts*"]})
    page.click("Later")
    page.wait("every post of the next month", lambda: count(page) == NEXT)


def test_a_new_post_of_days_that_two_months_share_is_shown_when_the_other_month_is_read_ahead(
    page: Console, author: Person
) -> None:
    polls = "*updatedSince*"
    page.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": [polls, "*from=2027-03-28*"]})
    page.open(f"/?zone={ZONE}&date=2027-03-15")
    page.wait("every post", lambda: count(page) == MANY and not page.find_all(".busy"))
    body = {"content": "On a shared day", "scheduledAt": "2027-03-30T09:00:00", "timeZone": ZONE}
    post = author.call("POST", "/api/posts", body)["id"]
    page.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": [polls]})
    page.click("Earlier")
    page.wait("February", lambda: "February 2027" in page.text)
    page.click("Later")
    page.wait("the new post", lambda: page.find_all(f'[data-post="{post}"]'))
    author.call("DELETE", f"/api/posts/{post}")
