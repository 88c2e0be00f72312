"""How fast the console is with many posts: `python -m tests.browser.speed [--runs 7]`.

Each figure is the median and the least of some runs, as wall time and as the page's own processor time. The stack, the
posts and the browser are its own. A time ends when the page has been painted: two frames after the cards are there.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from app.web.console.build import DIST
from tests.browser.conftest import chrome
from tests.browser.console import Console, console_stack, told
from tests.browser.people import Person

MONTH_POSTS, YEAR_POSTS, BULK = 1_000, 5_000, 200
ZONE = "Europe/Berlin"
LOOK_SECONDS = 4.0
#: Alarms may be set for all posts, and the API may be asked as often as the runs need it.
SETTINGS = {"QSTASH_MAX_DELAY_DAYS": "400", "RATE_LIMITS": "0"}

# `seen` holds the instants at which the page first had cards, and at which all cards of the period were there.
WATCH = """
window.watch = (start, old) => {
  window.seen = {};
  const note = (name) => requestAnimationFrame(() => requestAnimationFrame(() => {
    seen[name] ??= performance.now() - start;
  }));
  const card = () => [...document.querySelectorAll("[data-post]")].some((one) => !old.has(one.dataset.post));
  const look = () => {
    const first = card();
    if (first) note("first");
    if (first && !document.querySelector(".busy")) note("whole");
    if (!seen.whole) requestAnimationFrame(look);
  };
  look();
};
watch(0, new Set());
"""
GO = """
const [label] = arguments;
const old = new Set([...document.querySelectorAll("[data-post]")].map((one) => one.dataset.post));
const start = performance.now();
document.querySelector(`button[aria-label="${label}"]`).click();
watch(start, old);
"""
# What the browser read of the app's own files, headers included. The calls of the API are the data.
BYTES = """
return [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((one) => !one.name.includes("/api/") && !one.name.endsWith("/console/session"))
  .reduce((sum, one) => sum + one.transferSize, 0);
"""


@dataclass(frozen=True)
class Times:
    """One run, in milliseconds: until the first cards, until all cards, and the page's processor time."""

    first: float
    whole: float
    processor: float


class Clock:
    """A console whose page tells how long it took."""

    def __init__(self, console: Console) -> None:
        self.console, self.browser = console, console.browser
        self.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})

    def visit(self, path: str) -> Times:
        """Open an address as a person does who was here before."""
        self.browser.get("about:blank")
        return self._measure(lambda: self.browser.get(self.console.up.ports.url("app") + path), again=True)

    def go(self, label: str) -> Times:
        """Click "Earlier" or "Later"."""
        return self._measure(lambda: self.browser.execute_script(GO, label))

    def bytes_of(self, path: str) -> int:
        self.visit(path)
        return int(self.browser.execute_script(BYTES))

    def _measure(self, action: Callable[[], Any], *, again: bool = False) -> Times:
        before = 0.0 if again else self._processor()
        action()
        self.console.wait("all cards", lambda: self.browser.execute_script("return window.seen?.whole"))
        seen = self.browser.execute_script("return seen")
        return Times(seen["first"], seen["whole"], self._processor() - before)

    def _processor(self) -> float:
        metrics = self.browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return 1000 * next(one["value"] for one in metrics if one["name"] == "TaskDuration")


def main(runs: int) -> None:
    month = first_of_month(datetime.now(UTC), 2)
    with (
        told(),
        tempfile.TemporaryDirectory() as scratch,
        console_stack(Path(scratch) / "stack", **SETTINGS) as up,
        chrome(Path(scratch) / "profile") as browser,
    ):
        console = Console(browser, up)
        console.size(1280, 900)
        console.zone(ZONE)
        clock = Clock(console)
        author = Person(up, "author-of-months")
        fill(author, (spread(MONTH_POSTS, first_of_month(month, step), 27) for step in (0, 1)))
        author.enters(console)
        months(clock, f"/?date={month:%Y-%m}-15", runs)
        author = Person(up, "author-of-a-year")
        fill(author, [spread(YEAR_POSTS, month, 300)])
        author.enters(console)
        tell("week of a year of 5,000", [clock.visit(f"/?view=week&date={month:%Y-%m}-15") for _ in range(runs)])
        tell("next week", [clock.go("Later") for _ in range(runs)])
        author = Person(up, "author-of-a-week")
        fill(author, [spread(YEAR_POSTS, month, 7)])
        author.enters(console)
        tell("week of 5,000", [clock.visit(f"/?view=week&date={month:%Y-%m}-03") for _ in range(3)])
        tell("month of 5,000", [clock.visit(f"/?date={month:%Y-%m}-03") for _ in range(3)])
    print(f"scripts, compressed: {sum(one.stat().st_size for one in DIST.glob('*.js.gz')) / 1000:.1f} kB")


def months(clock: Clock, path: str, runs: int) -> None:
    clock.browser.execute_cdp_cmd("Network.clearBrowserCache", {})
    print(f"first visit: {clock.bytes_of(path) / 1000:.1f} kB beside the data")
    print(f"second visit: {clock.bytes_of(path) / 1000:.1f} kB beside the data")
    tell("month of 1,000", [clock.visit(path) for _ in range(runs)])
    tell("next month, at once", list(walk(clock, path, runs, rest=False)))
    tell("next month, later", list(walk(clock, path, runs, rest=True)))


def walk(clock: Clock, path: str, runs: int, *, rest: bool) -> Iterator[Times]:
    """Go to the next month from a page that was just opened. `rest`: a person has looked at it for a while."""
    for _ in range(runs):
        clock.visit(path)
        if rest:
            time.sleep(LOOK_SECONDS)  # no test: meanwhile the page reads the next month
        yield clock.go("Later")


def fill(author: Person, many: Any) -> None:
    author.account()
    rows = [{"op": "create", "timeZone": ZONE} | one for part in many for one in part]
    for start in range(0, len(rows), BULK):
        made = author.call("POST", "/api/posts/bulk", {"operations": rows[start : start + BULK]})
        assert made["refused"] == 0, made


def spread(number: int, start: datetime, days: int) -> Iterator[dict[str, str]]:
    """Return posts at equal distances from this day on."""
    for index in range(number):
        at = start + timedelta(seconds=index * days * 86_400 // number)
        text = f"Post {index}: what we learned this week, and what we do next."
        yield {"content": text, "scheduledAt": f"{at:%FT%TZ}"}


def first_of_month(day: datetime, ahead: int) -> datetime:
    months = day.year * 12 + day.month - 1 + ahead
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def tell(what: str, runs: list[Times]) -> None:
    parts = []
    for name in ("first", "whole", "processor"):
        values = [getattr(one, name) for one in runs]
        parts.append(f"{name} {median(values):5.0f} ms (least {min(values):.0f})")
    print(f"{what:24} {' · '.join(parts)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.browser.speed", description="Measure the console.")
    parser.add_argument("--runs", type=int, default=7)
    main(parser.parse_args().runs)
