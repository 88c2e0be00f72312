"""The stand-in's tables and their statements.

Invariant: messages, retry counts, schedules, the DLQ, keys and the dedup window survive a restart and a kill.
"""

import json
import sqlite3
from typing import Any

from .database import Database
from .headers import Headers
from .message import Message, log_view

EVENTS_KEPT = 50_000
_PRUNE_EVERY = 1_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, body BLOB NOT NULL, headers TEXT NOT NULL, created_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL, next_at INTEGER NOT NULL, max_retries INTEGER NOT NULL, retried INTEGER NOT NULL,
    schedule_id TEXT, caller_ip TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS dlq (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, dlq_id TEXT NOT NULL UNIQUE, failed_at INTEGER NOT NULL,
    response_status INTEGER NOT NULL, response_header TEXT NOT NULL, response_body BLOB NOT NULL,
    id TEXT NOT NULL, url TEXT NOT NULL, body BLOB NOT NULL, headers TEXT NOT NULL, created_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL, next_at INTEGER NOT NULL, max_retries INTEGER NOT NULL, retried INTEGER NOT NULL,
    schedule_id TEXT, caller_ip TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, message_id TEXT NOT NULL, state TEXT NOT NULL,
    url TEXT NOT NULL, label TEXT, schedule_id TEXT, next_at INTEGER, status INTEGER, response_body BLOB, error TEXT
);
CREATE INDEX IF NOT EXISTS events_of_message ON events (message_id);
CREATE TABLE IF NOT EXISTS event_details (message_id TEXT PRIMARY KEY, details TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dedup (key TEXT PRIMARY KEY, message_id TEXT NOT NULL, expires_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS schedules (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, body BLOB NOT NULL, headers TEXT NOT NULL, created_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL, last_at INTEGER, paused INTEGER NOT NULL, caller_ip TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_TABLES = ("messages", "dlq", "events", "event_details", "dedup", "schedules", "state")
_MESSAGE_COLUMNS = (
    "id, url, body, headers, created_at, not_before, next_at, max_retries, retried, schedule_id, caller_ip"
)
_MESSAGE_PLACEHOLDERS = ", ".join("?" * 11)


def headers_text(headers: Headers) -> str:
    return json.dumps(headers)


def headers_value(text: str) -> Headers:
    return tuple((name, value) for name, value in json.loads(text))


class Storage:
    """Named reads and writes of the data file. A write survives a kill once `commit` has returned."""

    def __init__(self, path: str) -> None:
        self.database = Database(path, SCHEMA)
        self._events_written = 0

    async def commit(self) -> None:
        await self.database.commit()

    def clear(self) -> None:
        for table in _TABLES:
            self.database.write(f"DELETE FROM {table}")

    # messages

    def insert_message(self, message: Message) -> None:
        sql = f"INSERT INTO messages ({_MESSAGE_COLUMNS}) VALUES ({_MESSAGE_PLACEHOLDERS})"
        self.database.write(sql, *_message_row(message))
        sql = "INSERT OR REPLACE INTO event_details VALUES (?, ?)"
        self.database.write(sql, message.id, json.dumps(log_view(message)))

    def update_message(self, message: Message) -> None:
        sql = "UPDATE messages SET next_at = ?, retried = ? WHERE id = ?"
        self.database.write(sql, message.next_at, message.retried, message.id)

    def delete_message(self, message_id: str) -> None:
        self.database.write("DELETE FROM messages WHERE id = ?", message_id)

    def load_messages(self) -> list[Message]:
        return [message_from(row) for row in self.database.read_now("SELECT * FROM messages")]

    # events

    def add_event(
        self,
        time_ms: int,
        state: str,
        message: Message,
        next_at: int | None = None,
        status: int | None = None,
        response_body: bytes | None = None,
        error: str | None = None,
    ) -> None:
        row = (time_ms, message.id, state, message.url, message.label, message.schedule_id)
        self.database.write(
            "INSERT INTO events (time, message_id, state, url, label, schedule_id, next_at, status, response_body,"
            " error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(*row, next_at, status, response_body, error),
        )
        self._events_written += 1
        if self._events_written % _PRUNE_EVERY == 0:
            self.database.write("DELETE FROM events WHERE seq <= (SELECT max(seq) FROM events) - ?", EVENTS_KEPT)
            self.database.write("DELETE FROM event_details WHERE message_id NOT IN (SELECT message_id FROM events)")

    # dead letters

    def insert_dead_letter(
        self, dlq_id: str, failed_at: int, message: Message, status: int, header: dict[str, list[str]], body: bytes
    ) -> None:
        self.database.write(
            f"INSERT INTO dlq (dlq_id, failed_at, response_status, response_header, response_body, {_MESSAGE_COLUMNS})"
            f" VALUES (?, ?, ?, ?, ?, {_MESSAGE_PLACEHOLDERS})",
            *(dlq_id, failed_at, status, json.dumps(header), body, *_message_row(message)),
        )

    def delete_dead_letter(self, dlq_id: str) -> None:
        self.database.write("DELETE FROM dlq WHERE dlq_id = ?", dlq_id)

    # deduplication

    def insert_dedup(self, key: str, message_id: str, expires_at: int) -> None:
        self.database.write("INSERT OR REPLACE INTO dedup VALUES (?, ?, ?)", key, message_id, expires_at)

    def prune_dedup(self, now_ms: int) -> None:
        self.database.write("DELETE FROM dedup WHERE expires_at <= ?", now_ms)

    def load_dedup(self) -> list[sqlite3.Row]:
        return self.database.read_now("SELECT * FROM dedup ORDER BY expires_at")

    # schedules and single values

    def save_schedule(self, *row: Any) -> None:
        self.database.write("INSERT OR REPLACE INTO schedules VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)

    def delete_schedule(self, schedule_id: str) -> None:
        self.database.write("DELETE FROM schedules WHERE id = ?", schedule_id)

    def load_schedules(self) -> list[sqlite3.Row]:
        return self.database.read_now("SELECT * FROM schedules")

    def save_state(self, name: str, value: Any) -> None:
        self.database.write("INSERT OR REPLACE INTO state VALUES (?, ?)", name, json.dumps(value))

    def load_state(self) -> dict[str, Any]:
        return {row["name"]: json.loads(row["value"]) for row in self.database.read_now("SELECT * FROM state")}


def message_from(row: sqlite3.Row) -> Message:
    return Message(
        id=row["id"],
        url=row["url"],
        body=row["body"],
        headers=headers_value(row["headers"]),
        created_at=row["created_at"],
        not_before=row["not_before"],
        next_at=row["next_at"],
        max_retries=row["max_retries"],
        retried=row["retried"],
        schedule_id=row["schedule_id"],
        caller_ip=row["caller_ip"],
    )


def _message_row(message: Message) -> tuple[Any, ...]:
    times = (message.created_at, message.not_before, message.next_at)
    counts = (message.max_retries, message.retried)
    text = headers_text(message.headers)
    return (message.id, message.url, message.body, text, *times, *counts, message.schedule_id, message.caller_ip)
