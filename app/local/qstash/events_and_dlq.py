"""Queries of the event log and the dead letter queue, with filters and paging."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ApiError, not_found
from .headers import labels_of
from .message import Message, body_view, message_view
from .storage import Storage, message_from

EVENTS_PER_PAGE = 1000
DEAD_PER_PAGE = 100
_EVENT_FILTERS = {
    "messageId": "message_id",
    "state": "state",
    "url": "url",
    "scheduleId": "schedule_id",
}
_STATES = {"IN_PROGRESS": ("ACTIVE", "RETRY", "ERROR"), "CANCELLED": ("CANCELED",)}
_HAS_LABEL = "instr(',' || label || ',', ',' || ? || ',')"
_NEVER_SET = ("topicName", "queueName")  # the stand-in has no URL groups and no queues


@dataclass(frozen=True, slots=True)
class Query:
    """The query string of a listing. Only message ids and labels can occur more than once."""

    values: Mapping[str, str]
    message_ids: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def matches_none(self) -> bool:
        return any(self.values.get(name) for name in _NEVER_SET)

    def number(self, name: str) -> int | None:
        """Return a whole number, or None if it is missing.

        Raises: ApiError when the value is not a whole number.
        """
        text = self.values.get(name)
        if not text:
            return None
        if not text.isdecimal():
            raise ApiError(400, f"invalid {name}: {text} is not a whole number")
        return int(text)

    def count(self, most: int) -> int:
        return max(1, min(self.number("count") or most, most))


async def list_events(storage: Storage, query: Query) -> dict[str, Any]:
    """List events, newest first unless `order` is earliestFirst. The cursor is the last sequence number shown."""
    order = query.values.get("order") or "latestFirst"
    if order not in ("latestFirst", "earliestFirst"):
        raise ApiError(400, f"invalid order: {order} is neither latestFirst nor earliestFirst")
    earliest = order == "earliestFirst"
    where, parameters = _event_filter(query, "seq > ?" if earliest else "seq < ?")
    count = query.count(EVENTS_PER_PAGE)
    sql = (
        f"SELECT * FROM events LEFT JOIN event_details USING (message_id) WHERE {' AND '.join(where)}"
        f" ORDER BY seq {'ASC' if earliest else 'DESC'} LIMIT ?"
    )
    rows = await storage.database.read(sql, *parameters, count + 1)
    page = rows[:count]
    cursor = {"cursor": str(page[-1]["seq"])} if len(rows) > count else {}
    return {**cursor, "events": [_event_view(row) for row in page]}


def _event_filter(query: Query, after: str) -> tuple[list[str], list[Any]]:
    where: list[str] = ["0" if query.matches_none else "1"]
    parameters: list[Any] = []
    for name, column in _EVENT_FILTERS.items():
        value = query.values.get(name)
        if value:
            states = _STATES.get(value, (value,)) if name == "state" else (value,)
            where.append(f"{column} IN ({', '.join('?' * len(states))})")
            parameters.extend(states)
    if query.labels:
        where.append(f"({' OR '.join([_HAS_LABEL] * len(query.labels))})")
        parameters.extend(query.labels)
    if query.message_ids:
        where.append(f"message_id IN ({', '.join('?' * len(query.message_ids))})")
        parameters.extend(query.message_ids)
    for name, condition in (("fromDate", "time >= ?"), ("toDate", "time <= ?"), ("cursor", after)):
        number = query.number(name)
        if number is not None:
            where.append(condition)
            parameters.append(number)
    return where, parameters


def _event_view(row: sqlite3.Row) -> dict[str, Any]:
    optional = {
        "label": row["label"],
        "scheduleId": row["schedule_id"],
        "nextDeliveryTime": row["next_at"],
        "responseStatus": row["status"],
        "error": row["error"],
    }
    shown = {name: value for name, value in optional.items() if value is not None}
    response = body_view("responseBody", row["response_body"]) if row["response_body"] else {}
    details = json.loads(row["details"]) if row["details"] else {}
    event = {"time": row["time"], "messageId": row["message_id"], "state": row["state"], "url": row["url"]}
    return {**details, **event, **shown, **response}


async def list_dead_letters(storage: Storage, query: Query) -> dict[str, Any]:
    """List dead letters, oldest first. The cursor is the last sequence number shown."""
    count = query.count(DEAD_PER_PAGE)
    rows = await storage.database.read("SELECT * FROM dlq WHERE seq > ? ORDER BY seq", query.number("cursor") or 0)
    matching = [row for row in rows if _matches(row, message_from(row), query)]
    page = matching[:count]
    cursor = {"cursor": str(page[-1]["seq"])} if len(matching) > count else {}
    return {**cursor, "messages": [_dead_letter_view(row) for row in page]}


async def get_dead_letter(storage: Storage, dlq_id: str) -> dict[str, Any]:
    return _dead_letter_view(await _dead_letter_row(storage, dlq_id))


async def load_dead_letter(storage: Storage, dlq_id: str) -> Message:
    return message_from(await _dead_letter_row(storage, dlq_id))


async def delete_dead_letters(storage: Storage, dlq_ids: list[str]) -> int:
    deleted = 0
    for dlq_id in dict.fromkeys(dlq_ids):
        if await storage.database.read("SELECT 1 FROM dlq WHERE dlq_id = ?", dlq_id):
            storage.delete_dead_letter(dlq_id)
            deleted += 1
    await storage.commit()
    return deleted


async def _dead_letter_row(storage: Storage, dlq_id: str) -> sqlite3.Row:
    rows = await storage.database.read("SELECT * FROM dlq WHERE dlq_id = ?", dlq_id)
    if not rows:
        raise not_found("dlq message", dlq_id)
    return rows[0]


def _matches(row: sqlite3.Row, message: Message, query: Query) -> bool:
    actual = {
        "messageId": message.id,
        "url": message.url,
        "scheduleId": message.schedule_id,
        "responseStatus": str(row["response_status"]),
        "callerIp": message.caller_ip,
    }
    since, until = query.number("fromDate"), query.number("toDate")
    return (
        not query.matches_none
        and (not query.labels or not set(query.labels).isdisjoint(labels_of(message.label or "")))
        and all(not query.values.get(name) or query.values[name] == value for name, value in actual.items())
        and (since is None or row["failed_at"] >= since)
        and (until is None or row["failed_at"] <= until)
    )


def _dead_letter_view(row: sqlite3.Row) -> dict[str, Any]:
    return {
        **message_view(message_from(row)),
        "dlqId": row["dlq_id"],
        "responseStatus": row["response_status"],
        "responseHeader": json.loads(row["response_header"]),
        **body_view("responseBody", row["response_body"]),
    }
