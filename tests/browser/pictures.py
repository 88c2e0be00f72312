"""Pictures of every page of the console: `python -m tests.browser.pictures [FOLDER]`.

Desktop and phone, light and dark, empty and full. The folder is ignored by git.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import requests

from tests.browser.conftest import PATIENCE, chrome
from tests.browser.console import Console, console_stack
from tests.local.stacks import Running

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
        tempfile.TemporaryDirectory() as scratch,
        console_stack(Path(scratch) / "stack") as up,
        chrome(Path(scratch) / "profile") as browser,
    ):
        person = Console(browser, up)
        person.log_in(token=admin_token(up))
        pages = dict(PAGES)
        for state in ("empty", "full"):
            if state == "full":
                pages["post"] = f"/console/posts/{fill(up)}"
            for size, scheme in ((size, scheme) for size in SIZES for scheme in SCHEMES):
                take(person, pages, folder, f"{state}-{size}-{scheme}", size, scheme)
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def take(person: Console, pages: dict[str, str], folder: Path, name: str, size: str, scheme: str) -> None:
    person.size(*SIZES[size], phone=size == "phone")
    person.scheme(scheme)
    folder.mkdir(parents=True, exist_ok=True)
    for page, path in pages.items():
        person.browser.get(person.up.ports.url("app") + path)
        time.sleep(2)  # no test: the eye sees a page that is not ready
        person.browser.save_screenshot(str(folder / f"{page}-{name}.png"))


def admin_token(up: Running) -> str:
    secret = json.loads((up.state / "secrets.json").read_text())["AUTH_JWT_SECRET"]
    now = int(time.time())
    return jwt.encode({"sub": "demo-user", "role": "admin", "iat": now, "exp": now + 3600}, secret, "HS256")


def fill(up: Running) -> str:
    """Schedule posts around the present day, publish some, and leave drafts. Return the id of one that failed."""

    def call(method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {up.token}"}
        answer = requests.request(method, up.ports.url("app") + path, json=body, headers=headers, timeout=PATIENCE)
        assert answer.ok, answer.text
        return answer.json()

    for body in bodies():
        call("POST", "/api/posts", body)
    for text in ("It went out a moment ago", "Refused by the platform [n8n:fail code=400]", "[n8n:400 x9] Refused"):
        post = call("POST", "/api/posts", {"content": text})["id"]
        call("POST", f"/api/posts/{post}/publish", {})
    call("POST", "/api/companies", {"name": "Acme"})
    return str(post)


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
