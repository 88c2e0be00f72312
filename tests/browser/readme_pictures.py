"""The three pictures in README.md: `python -m tests.browser.readme_pictures [FOLDER]`.

They are WebP, as the browser writes it, at most 60 kB each. Look at them before you commit them.
"""

import base64
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
from tests.browser.pictures import has_status
from tests.browser.speed import first_of_month
from tests.local.support import ROOT, wait_for

FOLDER = ROOT / "docs" / "pictures"
MOST_BYTES = 60_000
ZONE = "Europe/Berlin"
TEXTS = (
    "We ship on Tuesday. Here is what changes for you.",
    "Behind the scenes: how we test a release",
    "Five lessons from ten years of scheduling",
    "We are hiring two engineers in Berlin",
    "Thank you for a thousand stars!",
    "Ask us anything: Thursday at four",
    "Our autumn meetup, in pictures",
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    month = first_of_month(datetime.now(UTC), 1)
    with (
        told(),
        tempfile.TemporaryDirectory() as scratch,
        console_stack(Path(scratch) / "stack", QSTASH_MAX_DELAY_DAYS="90", **HOLDING) as up,
        chrome(Path(scratch) / "profile") as browser,
    ):
        console, author = Console(browser, up), Person(up, "demo-user")
        console.zone(ZONE)
        browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        made = author.call("POST", "/api/posts/bulk", {"operations": list(rows(month))})
        assert made["refused"] == 0, made
        out = publish(author)
        author.enters(console)
        shoot(console, f"/?date={month:%Y-%m}-15", folder / "calendar.webp", (1200, 800), 0.75)
        shoot(console, f"/console/posts/{out}", folder / "post.webp", (1200, 800), 0.75)
        console.scheme("dark")
        shoot(console, f"/?date={month:%Y-%m}-15", folder / "phone.webp", (390, 800), 1, phone=True)


def rows(month: datetime) -> Iterator[dict[str, Any]]:
    """Return posts on most days of a month, one or two a day."""
    for number in range(44):
        at = month + timedelta(days=number * 5 % 31, hours=7 + number * 7 % 11, seconds=number * 17 % 60)
        yield {
            "op": "create",
            "content": TEXTS[number % len(TEXTS)],
            "scheduledAt": f"{at:%FT%TZ}",
            "timeZone": ZONE,
        }


def publish(author: Person) -> str:
    """Let a post go out at a full second, and return it."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=8)
    body = {"content": "We ship today. Thank you for waiting.", "scheduledAt": at.isoformat(), "timeZone": ZONE}
    post = str(author.call("POST", "/api/posts", body)["id"])
    wait_for("the published post", partial(has_status, author, post, "published"), SECONDS)
    return post


def shoot(console: Console, path: str, file: Path, size: tuple[int, int], scale: float, *, phone: bool = False) -> None:
    console.size(*size, phone=phone)
    console.browser.get(console.up.ports.url("app") + path)
    time.sleep(4)  # no test: the eye sees a page that is not ready
    clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": scale}
    options = {"format": "webp", "quality": 60, "clip": clip}
    taken = base64.b64decode(console.browser.execute_cdp_cmd("Page.captureScreenshot", options)["data"])
    assert len(taken) <= MOST_BYTES, f"{file.name} has {len(taken)} bytes"
    file.write_bytes(taken)
    print(f"{file}: {len(taken) / 1000:.1f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
