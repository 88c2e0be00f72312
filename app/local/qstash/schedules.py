"""Schedules: messages published at the instants of a cron expression.

Invariant: a schedule survives a restart. Missed instants are made up for by one message in total.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from . import headers as upstash
from .background_tasks import BackgroundTasks
from .broker import Broker, Publication
from .errors import ApiError, not_found
from .headers import Instructions
from .message import body_view, instructions_view, new_id
from .plan import Plan
from .storage import Storage, headers_text, headers_value
from .timers import Timers, wall_ms

_ZONE_PREFIX = "CRON_TZ="


def next_instant(cron: str, after_ms: int) -> int:
    """Return the expression's first instant after `after_ms`, both in Unix ms.

    `CRON_TZ=Europe/Berlin ` before the expression sets the time zone. The default is UTC.
    Raises: ApiError when the expression or the zone is not valid.
    """
    expression = cron.strip()
    try:
        if expression.startswith(_ZONE_PREFIX):
            name, _, expression = expression.removeprefix(_ZONE_PREFIX).partition(" ")
            moment = datetime.fromtimestamp(after_ms / 1000, ZoneInfo(name))
        else:
            moment = datetime.fromtimestamp(after_ms / 1000, UTC)
        return int(next(CronSim(expression, moment)).timestamp() * 1000)
    except (CronSimError, StopIteration, ValueError, KeyError, OSError) as error:
        raise ApiError(400, f"invalid cron expression: {cron}") from error


@dataclass(slots=True, eq=False)
class Schedule:
    """A repeated publication. Times are in Unix ms."""

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
        content = (self.publication.url, self.publication.body, headers_text(self.publication.headers))
        times = (self.created_at, self.next_at, self.last_at, int(self.paused))
        return (self.id, *content, *times, self.publication.caller_ip)


class Schedules:
    """The schedules of the account. Each has a timer unless it is paused."""

    def __init__(self, storage: Storage, timers: Timers, broker: Broker, plan: Plan, tasks: BackgroundTasks) -> None:
        self._storage = storage
        self._timers = timers
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
        """Create a schedule, or replace the one with the same id.

        Raises: ApiError when the cron expression or the message is not valid.
        """
        instructions = upstash.parse(publication.headers)
        if not instructions.cron:
            raise ApiError(400, "invalid cron expression: Upstash-Cron header is required")
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
        self._remove(schedule)
        self._storage.delete_schedule(schedule.id)
        await self._storage.commit()

    def clear(self) -> None:
        for schedule in self.all():
            self._remove(schedule)

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
            self._timers.clear(_key(schedule))
        else:
            self._timers.set(_key(schedule), schedule.next_at, self._callback(schedule))

    def _remove(self, schedule: Schedule) -> None:
        del self._schedules[schedule.id]
        self._timers.clear(_key(schedule))

    def _callback(self, schedule: Schedule) -> Callable[[], None]:
        return lambda: self._tasks.start(self._fire(schedule))

    async def _fire(self, schedule: Schedule) -> None:
        # One transaction holds the next instant and the message, so a crash neither repeats nor skips the message.
        schedule.last_at = schedule.next_at
        schedule.next_at = next_instant(schedule.cron, wall_ms())
        self._storage.save_schedule(*schedule.row())
        self._arm(schedule)
        await self._broker.fire(_occurrence(schedule.publication), schedule.id)


def _key(schedule: Schedule) -> str:
    return f"schedule:{schedule.id}"


def _occurrence(publication: Publication) -> Publication:
    """Return the message of one occurrence: the publication without the schedule's own headers.

    The delay stays.
    """
    kept = upstash.without(
        publication.headers, "upstash-cron", "upstash-schedule-id", "upstash-not-before", "upstash-deduplication-id"
    )
    return Publication(publication.url, publication.body, kept, publication.caller_ip)


def _schedule_from(row: sqlite3.Row) -> Schedule:
    publication = Publication(row["url"], row["body"], headers_value(row["headers"]), row["caller_ip"])
    return Schedule(row["id"], publication, row["created_at"], row["next_at"], row["last_at"], bool(row["paused"]))
