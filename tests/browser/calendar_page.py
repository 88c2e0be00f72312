"""A person's steps at the calendar, and what the API and the QStash stand-in say of them."""

from typing import Any

import requests
from selenium.webdriver import ActionChains
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.conftest import PATIENCE
from tests.browser.console import Console
from tests.local.stacks import Running

BERLIN = "Europe/Berlin"
DST_BEGINS, DST_ENDS = "2027-03-28", "2027-10-31"  # both at night, in Berlin
SPRING, AUTUMN = "/?zone=Europe/Berlin&date=2027-03-26", "/?zone=Europe/Berlin&date=2027-10-29"


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


def shows(console: Console, post: str, text: str) -> bool:
    """Wait until the card shows the text."""
    return console.wait(f"{text!r} on the card", lambda: text in card(console, post).text)


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
    console.wait("the end of the saving", lambda: not console.find_all(".post-card.saving"))


def focus(console: Console, post: str) -> None:
    """Focus a card of the settled page: the list of posts is read to its end."""
    console.wait("the end of the loading", lambda: card(console, post).is_displayed() and not console.find_all(".busy"))
    console.browser.execute_script("arguments[0].focus()", card(console, post))


def click_card(console: Console, post: str) -> None:
    """Click a card of the settled page."""
    focus(console, post)
    card(console, post).click()


def close_messages(console: Console) -> None:
    while found := console.find_all(".toast [aria-label='Close this message']"):
        console.browser.execute_script("arguments[0].click()", found[0])
        console.wait("one message less", lambda: len(console.find_all(".toast")) < len(found))


def refused(console: Console, up: Running, post: str, was: str, reason: str) -> None:
    """A move was refused: the page says why, and the card and the post are where they were."""
    settled(console, reason)
    console.wait("the card at its old day", lambda: is_on(console, post, was))
    close_messages(console)
