"""Pictures of every page of the console: `python -m tests.browser.pictures [FOLDER]`.

Desktop and phone, light and dark, empty and full. The folder is ignored by git.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.browser.conftest import HOLDING, chrome
from tests.browser.console import Console, console_stack, told
from tests.browser.people import SECONDS, Person
from tests.local.support import wait_for

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")
PAGES = {
    "calendar": "/?zone=Europe/Berlin",
    "week": "/?zone=Europe/Berlin&view=week",
    "day": "/?zone=Europe/Berlin&view=day",
    "list": "/?zone=Europe/Berlin&view=list",
    "attention": "/console/attention",
    "new-post": "/console/posts/new",
    "operations": "/console/operations",
    "accounts": "/console/accounts",
    "companies": "/console/companies",
    "docs": "/docs",
}
TEXTS = (
    "We ship on Tuesday. Here is what changes for you, and why we think that you will like it.",
    "Behind the scenes: how our team tests a release before anybody sees it",
    "Five lessons from ten years of scheduling",
    "We are hiring two engineers in Berlin. Come and build calm software with us.",
    "Thank you for a thousand stars!",
)


def main(folder: Path) -> None:
    with (
        told(),
        tempfile.TemporaryDirectory() as scratch,
        console_stack(Path(scratch) / "stack", **HOLDING) as up,
        chrome(Path(scratch) / "profile") as browser,
    ):
        console, author = Console(browser, up), Person(up, "demo-user", admin=True)
        for state in ("empty", "full"):
            pages = PAGES | (posts_of(author) if state == "full" else {})
            for size, scheme in ((size, scheme) for size in SIZES for scheme in SCHEMES):
                console.size(*SIZES[size], phone=size == "phone")
                console.scheme(scheme)
                take(console, author, folder, pages, f"{state}-{size}-{scheme}")
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def take(console: Console, author: Person, folder: Path, pages: dict[str, str], name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    console.forget()
    shoot(console, "/console/login", folder / f"login-{name}.png")
    author.enters(console)
    for page, path in pages.items():
        shoot(console, path, folder / f"{page}-{name}.png")


def shoot(console: Console, path: str, file: Path) -> None:
    console.browser.get(console.up.ports.url("app") + path)
    time.sleep(2)  # no test: the eye sees a page that is not ready
    console.browser.save_screenshot(str(file))


def posts_of(author: Person) -> dict[str, str]:
    """Fill the calendar, and return the pages of three posts."""
    return {name: f"/console/posts/{post}" for name, post in fill(author).items()}


def fill(author: Person) -> dict[str, str]:
    """Schedule posts around the present day and leave drafts. Return a published, a refused and a doubtful post.

    The stack has the settings HOLDING.
    """
    made = author.call("POST", "/api/posts/bulk", {"operations": [{"op": "create"} | body for body in bodies()]})
    assert made["refused"] == 0, made
    ended = {
        "published": ("It went out a moment ago", "published"),
        "refused": ("Refused by the platform [n8n:permanent x1]", "failed"),
        "doubtful": ("Nobody knows whether it is out [n8n:drop x1]", "failed"),
    }
    found: dict[str, str] = {}
    for name, (text, _) in ended.items():
        found[name] = author.call("POST", "/api/posts", {"content": text})["id"]
        author.call("POST", f"/api/posts/{found[name]}/publish", {})
    for name, (_, status) in ended.items():
        wait_for(f"the {name} post", partial(has_status, author, found[name], status), SECONDS)
    company = author.call("POST", "/api/companies", {"name": "Acme"})["id"]
    author.call("POST", f"/api/companies/{company}/clients", {"name": "Zoo"})
    return found


def has_status(author: Person, post: str, status: str) -> bool:
    return bool(author.call("GET", f"/api/posts/{post}")["status"] == status)


def bodies() -> Iterator[dict[str, Any]]:
    today = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    for number in range(40):
        at = today + timedelta(days=number * 5 % 24 + 1, hours=number * 7 % 11, seconds=number * 17 % 60)
        yield {
            "content": TEXTS[number % len(TEXTS)],
            "scheduledAt": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "timeZone": "Europe/Berlin",
        }
    for text in TEXTS[:3]:
        yield {"content": f"Idea: {text}"}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("pictures"))
