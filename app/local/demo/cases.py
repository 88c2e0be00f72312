"""The demo's posts: what a frontend asks of Punctual, and the instant it is promised for each of them."""

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from app.local.client import Client

HEAD_START_SECONDS = 4  # enough to schedule them all before the first is due
ZONE = ZoneInfo("Asia/Kolkata")  # half an hour off the others, and no summer time that could make a local time doubtful


class Kind(Enum):
    """What a case shows, and so how it is judged."""

    ON_TIME = "on time"
    RETRIED = "refused once, retried"
    SWEPT = "alarm lost, found by the sweep"
    CALLED_OFF = "called off"


@dataclass(slots=True)
class Case:
    """One post of the demo; what became of it is filled in at the end."""

    title: str
    kind: Kind
    due: datetime
    content: str = ""
    post_id: str = ""
    post: dict[str, Any] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    transitions: list[dict[str, Any]] = field(default_factory=list)
    sends: list[dict[str, Any]] = field(default_factory=list)  # the ledger's entries: what arrived at n8n
    copies: list[dict[str, Any]] = field(default_factory=list)  # what readers of the network see

    @property
    def published(self) -> bool:
        return self.post.get("status") == "published"


def iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def arrange(api: Client, qstash: Client | None, account: str) -> list[Case]:
    """Writes and schedules every post. The order of scheduling is not the order of the promised instants. Without a
    QStash no alarm can be lost; there a post is to go out at once instead, which is what a poll sees last."""
    desk = _Desk(api, account, datetime.fromtimestamp(math.ceil(time.time()) + HEAD_START_SECONDS, UTC))
    if qstash is not None:
        qstash.post("/_local/drop-next", {"count": 1})
        special = desk.schedule("alarm lost on its way", Kind.SWEPT, 0.0)
    else:
        special = desk.publish_now("publish now")
    whole = desk.schedule("on time, a whole second", Kind.ON_TIME, 1.0)
    fraction = desk.schedule("on time, a fraction of a second", Kind.ON_TIME, 2.35)
    local = desk.schedule_locally("on time, by the clock of Kolkata", 3.0)
    moved = desk.schedule("moved from an earlier time", Kind.ON_TIME, 1.0)
    desk.move(moved, 4.0)
    called_off = desk.schedule("called off", Kind.CALLED_OFF, 2.0)
    api.post(f"/api/posts/{called_off.post_id}/unschedule")
    refused = desk.schedule("n8n says 503 once", Kind.RETRIED, 1.5, orders="[n8n:503 x1]")
    return [whole, fraction, local, moved, called_off, refused, special]


class _Desk:
    """The author's side of the API, counting seconds from the demo's own start."""

    def __init__(self, api: Client, account: str, start: datetime) -> None:
        self._api = api
        self._account = account
        self._start = start

    def schedule(self, title: str, kind: Kind, offset: float, orders: str = "") -> Case:
        case = self._write(title, kind, offset, orders)
        self._api.post(f"/api/posts/{case.post_id}/schedule", {"scheduledAt": iso(case.due)})
        return case

    def schedule_locally(self, title: str, offset: float) -> Case:
        """As a form with a date and a time field sends it: no offset, but the name of the zone."""
        case = self._write(title, Kind.ON_TIME, offset, "")
        wall = case.due.astimezone(ZONE).replace(tzinfo=None).isoformat(timespec="milliseconds")
        self._api.post(f"/api/posts/{case.post_id}/schedule", {"scheduledAt": wall, "timeZone": ZONE.key})
        return case

    def publish_now(self, title: str) -> Case:
        """For the present instant, as the app's clock has it."""
        case = self._write(title, Kind.ON_TIME, 0.0, "")
        now = iso(datetime.now(UTC))
        case.due = instant(self._api.post(f"/api/posts/{case.post_id}/schedule", {"scheduledAt": now})["scheduledAt"])
        return case

    def move(self, case: Case, offset: float) -> None:
        case.due = self._start + timedelta(seconds=offset)
        self._api.post(f"/api/posts/{case.post_id}/schedule", {"scheduledAt": iso(case.due)})

    def _write(self, title: str, kind: Kind, offset: float, orders: str) -> Case:
        content = f"Punctual demo: {title} {orders}".strip()
        body = {"content": content, "platform": "linkedin", "socialAccountId": self._account}
        case = Case(title, kind, self._start + timedelta(seconds=offset), content)
        case.post_id = self._api.post("/api/posts", body)["id"]
        return case
