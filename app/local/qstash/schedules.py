"""Schedules: a cron expression that publishes a message each time it comes round.

Promise: a schedule survives a restart; an instant missed meanwhile is made up for once, not as often as it was missed.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from app.local.qstash.background_tasks import BackgroundTasks
from app.local.qstash.errors import Refusal, not_found
from app.local.qstash.timers import Alarm, wall_ms

from . import headers as upstash
from .broker import Broker, Publication
from .headers import Instructions
from .message import body_view, instructions_view, new_id
from .plan import Plan
from .storage import Storage, headers_text, headers_value

_ZONE_PREFIX = "CRON_TZ="


def next_instant(cron: str, after_ms: int) -> int:
    """The first instant of the expression after the given one."""
    expression = cron.strip()
    try:
        if expression.startswith(_ZONE_PREFIX):
            name, _, expression = expression.removeprefix(_ZONE_PREFIX).partition(" ")
            moment = datetime.fromtimestamp(after_ms / 1000, ZoneInfo(name))
        else:
            moment = datetime.fromtimestamp(after_ms / 1000, UTC)
        return int(next(CronSim(expression, moment)).timestamp() * 1000)
    except (CronSimError, StopIteration, ValueError, KeyError, OSError) as error:
        raise Refusal(400, f"invalid cron expression: {cron}") from error


@dataclass(slots=True, eq=False)
class Schedule:
    """A publication that repeats."""

    id: str
    publication: Publication
    created_at: int
    next_at: int
    last_at: int | None = None
    paused: bool = False
    instructions: Instructions = field(init=False)

    def __post_init__(self) -> None:
        self.instructions = upstash.parse(self.publication.headers)

    @property
    def cron(self) -> str:
        return self.instructions.cron or ""

    def row(self) -> tuple[Any, ...]:
        what = (self.publication.url, self.publication.body, headers_text(self.publication.headers))
        when = (self.created_at, self.next_at, self.last_at, int(self.paused))
        return (self.id, *what, *when, self.publication.caller_ip)


class Schedules:
    """Every schedule of the account, each with its alarm while it is not paused."""

    def __init__(self, storage: Storage, alarm: Alarm, broker: Broker, plan: Plan, tasks: BackgroundTasks) -> None:
        self._storage = storage
        self._alarm = alarm
        self._broker = broker
        self._plan = plan
        self._tasks = tasks
        self._schedules: dict[str, Schedule] = {}

    def load(self) -> None:
        self._schedules = {row["id"]: _schedule_from(row) for row in self._storage.load_schedules()}

    def arm_all(self) -> None:
        for schedule in self._schedules.values():
            self._arm(schedule)

    async def put(self, publication: Publication) -> Schedule:
        instructions = upstash.parse(publication.headers)
        if not instructions.cron:
            raise Refusal(400, "invalid cron expression: Upstash-Cron header is required")
        now = wall_ms()
        next_at = next_instant(instructions.cron, now)
        self._broker.check(_occurrence(publication))
        schedule_id = instructions.schedule_id or new_id("scd")
        existing = self._schedules.get(schedule_id)
        schedule = Schedule(schedule_id, publication, existing.created_at if existing else now, next_at)
        self._schedules[schedule.id] = schedule
        await self._save(schedule)
        return schedule

    def get(self, schedule_id: str) -> Schedule:
        schedule = self._schedules.get(schedule_id)
        if schedule is None:
            raise not_found("schedule", schedule_id)
        return schedule

    def all(self) -> list[Schedule]:
        return list(self._schedules.values())

    async def pause(self, schedule_id: str) -> None:
        schedule = self.get(schedule_id)
        schedule.paused = True
        await self._save(schedule)

    async def resume(self, schedule_id: str) -> None:
        schedule = self.get(schedule_id)
        schedule.paused = False
        schedule.next_at = next_instant(schedule.cron, wall_ms())
        await self._save(schedule)

    async def delete(self, schedule_id: str) -> None:
        schedule = self.get(schedule_id)
        self._forget(schedule)
        self._storage.delete_schedule(schedule.id)
        await self._storage.commit()

    def clear(self) -> None:
        for schedule in self.all():
            self._forget(schedule)

    def view(self, schedule: Schedule) -> dict[str, Any]:
        last = {"lastScheduleTime": schedule.last_at} if schedule.last_at else {}
        delay = {"delay": schedule.instructions.delay} if schedule.instructions.delay else {}
        return {
            "scheduleId": schedule.id,
            "destination": schedule.publication.url,
            "cron": schedule.cron,
            "createdAt": schedule.created_at,
            **instructions_view(schedule.instructions),
            **body_view("body", schedule.publication.body),
            "retries": self._plan.retries(schedule.instructions),
            "isPaused": schedule.paused,
            "callerIP": schedule.publication.caller_ip,
            "nextScheduleTime": schedule.next_at,
            **last,
            **delay,
        }

    async def _save(self, schedule: Schedule) -> None:
        self._storage.save_schedule(*schedule.row())
        self._arm(schedule)
        await self._storage.commit()

    def _arm(self, schedule: Schedule) -> None:
        if schedule.paused:
            self._alarm.clear(_key(schedule))
        else:
            self._alarm.set(_key(schedule), schedule.next_at, self._ring(schedule))

    def _forget(self, schedule: Schedule) -> None:
        del self._schedules[schedule.id]
        self._alarm.clear(_key(schedule))

    def _ring(self, schedule: Schedule) -> Callable[[], None]:
        return lambda: self._tasks.start(self._fire(schedule))

    async def _fire(self, schedule: Schedule) -> None:
        # The next instant and the message go to disk in one transaction: neither twice nor never.
        schedule.last_at = schedule.next_at
        schedule.next_at = next_instant(schedule.cron, wall_ms())
        self._storage.save_schedule(*schedule.row())
        self._arm(schedule)
        await self._broker.fire(_occurrence(schedule.publication), schedule.id)


def _key(schedule: Schedule) -> str:
    return f"schedule:{schedule.id}"


def _occurrence(publication: Publication) -> Publication:
    """The message a schedule publishes: its delay stays, what belongs to the schedule alone goes."""
    kept = upstash.without(
        publication.headers, "upstash-cron", "upstash-schedule-id", "upstash-not-before", "upstash-deduplication-id"
    )
    return Publication(publication.url, publication.body, kept, publication.caller_ip)


def _schedule_from(row: sqlite3.Row) -> Schedule:
    publication = Publication(row["url"], row["body"], headers_value(row["headers"]), row["caller_ip"])
    return Schedule(row["id"], publication, row["created_at"], row["next_at"], row["last_at"], bool(row["paused"]))
