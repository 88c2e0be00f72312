"""The demo's posts: the calls that a frontend makes for them, and their promised instants."""

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from app.local.client import Client

HEAD_START_SECONDS = 4  # enough to schedule all posts before the first is due
ZONE = ZoneInfo("Asia/Kolkata")  # UTC+5:30, without daylight saving time, so no local time is ambiguous


class Kind(Enum):
    """The situation that a case shows. It decides the checks."""

    ON_TIME = "on time"
    RETRIED = "refused once, retried"
    SWEPT = "alarm lost, found by the sweep"
    UNSCHEDULED = "unscheduled"


@dataclass(slots=True)
class Case:
    """One post of the demo. The dicts and lists are filled in at the end."""

    title: str
    kind: Kind
    due: datetime
    content: str = ""
    post_id: str = ""
    post: dict[str, Any] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    transitions: list[dict[str, Any]] = field(default_factory=list)
    sends: list[dict[str, Any]] = field(default_factory=list)  # the ledger's entries: requests that arrived at n8n
    copies: list[dict[str, Any]] = field(default_factory=list)  # the publications on the network

    @property
    def published(self) -> bool:
        return self.post.get("status") == "published"


def iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def arrange(api: Client, qstash: Client | None, account: str) -> list[Case]:
    """Create and schedule the demo's seven posts.

    The order of scheduling differs from the order of the promised instants. With `qstash` None (poll mode) no alarm
    can be lost. A post to publish now replaces that case, because a poll finds it latest.
    """
    author = _Author(api, account, datetime.fromtimestamp(math.ceil(time.time()) + HEAD_START_SECONDS, UTC))
    if qstash is not None:
        qstash.post("/_local/drop-next", {"count": 1})
        special = author.schedule("alarm lost", Kind.SWEPT, 0.0)
    else:
        special = author.publish_now("publish now")
    whole = author.schedule("on time, whole second", Kind.ON_TIME, 1.0)
    fraction = author.schedule("on time, fraction of a second", Kind.ON_TIME, 2.35)
    local = author.schedule_in_zone("on time, local time of Kolkata", 3.0)
    moved = author.schedule("rescheduled to a later time", Kind.ON_TIME, 1.0)
    author.reschedule(moved, 4.0)
    unscheduled = author.schedule("unscheduled", Kind.UNSCHEDULED, 2.0)
    api.post(f"/api/posts/{unscheduled.post_id}/unschedule")
    refused = author.schedule("n8n answers 503 once", Kind.RETRIED, 1.5, marker="[n8n:503 x1]")
    return [whole, fraction, local, moved, unscheduled, refused, special]


class _Author:
    """The author's calls to the API. Offsets are seconds after `start`."""

    def __init__(self, api: Client, account: str, start: datetime) -> None:
        self._api = api
        self._account = account
        self._start = start

    def schedule(self, title: str, kind: Kind, offset: float, marker: str = "") -> Case:
        case = self._create(title, kind, offset, marker)
        self._api.post(f"/api/posts/{case.post_id}/schedule", {"scheduledAt": iso(case.due)})
        return case

    def schedule_in_zone(self, title: str, offset: float) -> Case:
        """Schedule by a local time without UTC offset and a zone name, as an HTML form sends it."""
        case = self._create(title, Kind.ON_TIME, offset, "")
        wall = case.due.astimezone(ZONE).replace(tzinfo=None).isoformat(timespec="milliseconds")
        self._api.post(f"/api/posts/{case.post_id}/schedule", {"scheduledAt": wall, "timeZone": ZONE.key})
        return case

    def publish_now(self, title: str) -> Case:
        """Schedule for the present instant. The app's answer holds the promised instant."""
        case = self._create(title, Kind.ON_TIME, 0.0, "")
        now = iso(datetime.now(UTC))
        case.due = instant(self._api.post(f"/api/posts/{case.post_id}/schedule", {"scheduledAt": now})["scheduledAt"])
        return case

    def reschedule(self, case: Case, offset: float) -> None:
        case.due = self._start + timedelta(seconds=offset)
        self._api.post(f"/api/posts/{case.post_id}/schedule", {"scheduledAt": iso(case.due)})

    def _create(self, title: str, kind: Kind, offset: float, marker: str) -> Case:
        content = f"Punctual demo: {title} {marker}".strip()
        body = {"content": content, "platform": "linkedin", "socialAccountId": self._account}
        case = Case(title, kind, self._start + timedelta(seconds=offset), content)
        case.post_id = self._api.post("/api/posts", body)["id"]
        return case
