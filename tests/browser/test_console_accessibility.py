"""The console's pages and dialogs have no serious fault of accessibility, in light and in dark, full and empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from selenium.webdriver import Chrome

from tests.browser.axe import COLOURS, EVERYTHING, faults
from tests.browser.console import Console
from tests.browser.people import Person
from tests.browser.pictures import fill
from tests.local.stacks import Running

pytestmark = pytest.mark.xdist_group("local-stack")

TOMORROW = datetime.now(UTC) + timedelta(days=1)  # a day with a post, also at the end of a month
CALENDAR = f"/?zone=Europe/Berlin&date={TOMORROW:%Y-%m-%d}&view="
MONTH = f"{CALENDAR}month"
CARD, DIALOG = ".post-card-when", "dialog[open]"
FULL = {
    MONTH: CARD,
    f"{CALENDAR}week": CARD,
    f"{CALENDAR}list": CARD,
    "/console/attention": ".row",
    "/console/posts/new": "textarea",
    "/console/operations": "figure svg",
    "/console/accounts": ".account-card",
    "/console/companies": ".people li",
}
#: Colours are all that the other scheme changes. Each page is drawn anew in it.
SCHEMES = {"light": EVERYTHING, "dark": COLOURS}
EMPTY = {
    "/?zone=Europe/Berlin&view=day": ".grid",
    "/console/attention": "h1",
    "/console/operations": "h1",
    "/console/accounts": ".empty",
    "/console/companies": "h1",
    "/console/posts/none": ".error",
}


#: The documentation has some hundred operations, all drawn alike.
FEW = ".docs-nav, h1, h2, .operation:nth-of-type(-n + 2)"


@dataclass(frozen=True)
class Opened:
    """A part of a page that opens: where, by which steps, and what it then shows."""

    path: str
    steps: Callable[[Console], None]
    shows: str
    within: str = DIALOG


def click(label: str) -> Callable[[Console], None]:
    return lambda console: console.click(label)


def click_card(console: Console) -> None:
    cards = ".grid [data-post]:has(.post-card-scheduled)"
    console.wait("a card", lambda: [one for one in console.find_all(cards) if one.is_displayed()])[0].click()


def move_card(console: Console) -> None:
    click_card(console)
    console.click("Move …")


OPENED = {
    "filters": Opened(MONTH, click("Filters"), "select", ".filters"),
    "card": Opened(MONTH, click_card, ".instants"),
    "move": Opened(MONTH, move_card, "input[type=date]"),
    "help": Opened("/console/accounts", click("Keys"), "kbd"),
    "connect": Opened("/console/accounts", click("Connect an account"), "summary"),
    "slots": Opened("/console/accounts", click("Weekly slots of Ends soon"), "button"),
    "invite": Opened("/console/companies", click("Invite somebody"), "select"),
}


@pytest.fixture
def console(authors_browser: Chrome, authors_stack: Running) -> Iterator[Console]:
    """Open a desktop's window without motion: a colour that is changing has no contrast to measure."""
    opened = Console(authors_browser, authors_stack)
    opened.size(1280, 900)
    opened.scheme("light", still=True)
    yield opened
    assert opened.violations() == []
    opened.scheme("light")


def test_full_pages_and_dialogs_have_no_serious_fault(console: Console, authors_stack: Running):
    reader = Person(authors_stack, "reader", admin=True)
    reader.account()
    pages = FULL | {f"/console/posts/{post}": ".story li" for post in fill(reader).values()}
    at_risk(reader)
    seen: dict[str, list[str]] = {}
    for scheme, rules in SCHEMES.items():
        console.scheme(scheme, still=True)
        reader.enters(console)
        for path, css in pages.items():
            show(console, path, css)
            seen[f"{scheme} {path}"] = faults(console, rules)
        for name, opened in OPENED.items():
            if scheme == "light" or opened.path != MONTH:  # its colours are those of the other dialogs
                seen[f"{scheme} {name}"] = look_into(console, opened, rules)
    assert_clean(seen)


def test_empty_pages_have_no_serious_fault(console: Console, authors_stack: Running):
    Person(authors_stack, "newcomer").enters(console)
    seen = {}
    for path, css in EMPTY.items():
        show(console, path, css)
        seen[path] = faults(console, EVERYTHING)
    assert_clean(seen)


def test_login_and_docs_have_no_serious_fault(console: Console):
    console.forget()
    seen = {}
    for scheme, rules in SCHEMES.items():
        console.scheme(scheme, still=True)
        console.open("/console/login?error=sign_in_declined")
        console.find(".login-declined")
        seen[f"{scheme} login"] = faults(console, rules)
        console.browser.get(console.up.ports.url("app") + "/docs")
        console.find(".operation")
        seen[f"{scheme} docs"] = faults(console, rules, "body" if scheme == "light" else FEW)
    assert_clean(seen)


@pytest.mark.parametrize("width", [320, 390])
def test_labels_of_the_bottom_bar_are_whole(console: Console, authors_stack: Running, width: int):
    console.size(width, 844, phone=True)
    Person(authors_stack, "operator", admin=True).enters(console)
    console.wait("the admin's page", lambda: len(console.find_all(".rail .short")) == 5)
    assert console.browser.execute_script(CUT) == []
    assert not console.scrolls_sideways()


def test_rail_has_room_for_its_longest_label_and_a_count(console: Console, authors_stack: Running):
    Person(authors_stack, "operator", admin=True).enters(console)
    console.find(".rail .long")
    assert console.browser.execute_script(ROOM) == []


def at_risk(person: Person) -> None:
    """Schedule a post after the end of its account's access."""
    ends = f"{TOMORROW:%Y-%m-%dT%H:%M:%SZ}"
    account = person.account(personUrn="urn:li:person:ends", accountName="Ends soon", expiresAt=ends)
    later = (TOMORROW + timedelta(hours=2)).isoformat()
    person.call("POST", "/api/posts", {"content": "At risk", "scheduledAt": later, "socialAccountId": account})


def look_into(console: Console, opened: Opened, rules: dict[str, Any]) -> list[str]:
    show(console, opened.path, "h1")
    opened.steps(console)
    console.find(f"{opened.within} {opened.shows}")
    seen = faults(console, rules, opened.within)
    if console.find_all(DIALOG):
        console.click("Close")
        console.wait("no dialog", lambda: not console.find_all(DIALOG))
    return seen


def show(console: Console, path: str, css: str) -> None:
    """Go to an address of the console as its links do, and wait for the whole page."""
    console.browser.execute_script(GO, path)
    console.wait(f"{css} at {path}", lambda: console.find_all(css) and not console.find_all(".busy"))


def assert_clean(seen: dict[str, list[str]]) -> None:
    lines = [f"{name}: {one}" for name, all_of in seen.items() for one in all_of]
    assert not lines, "\n".join(lines)


GO = """
history.pushState(null, "", arguments[0]);
dispatchEvent(new PopStateEvent("popstate"));
"""
# The names of the bar's labels that do not fit into it, or that lie upon the next one.
CUT = """
const labels = [...document.querySelectorAll(".rail .short")].map((one) => [one, one.getBoundingClientRect()]);
return labels.filter(([one, box], index) => one.scrollWidth > one.clientWidth || box.left < 0 || box.right > innerWidth
  || (index > 0 && labels[index - 1][1].right > box.left)).map(([one]) => one.textContent);
"""
# The pages of the rail whose label, beside a count of two digits and more, is wider than its line.
ROOM = """
const lines = [...document.querySelectorAll(".rail ul:not(.foot) a")];
for (const line of lines) {
  const count = Object.assign(document.createElement("span"), {className: "count", textContent: "99+"});
  line.querySelector(".count") ?? line.append(count);
}
return lines.filter((one) => one.scrollWidth > one.clientWidth || one.clientHeight > 48).map((one) => one.textContent);
"""
