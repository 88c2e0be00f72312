"""Count the calls to QStash and to webhook endpoints, by their result.

Invariant: the counted adapter's answers and errors pass unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from app.domain.ports import Alarm, MessageServiceError
from app.domain.webhooks import AllMessages, EventMessage, EventReply, EventSender

#: Adds a number to the count of a name and a label.
Count = Callable[[str, str, int], None]
PUBLISHED, OTHER, DELIVERED = "qstash_messages", "qstash_calls", "webhook_deliveries"
OK = "ok"


class CountedMessages:
    """A message service whose calls are counted: each message by its result, each other call by its own."""

    def __init__(self, messages: AllMessages, count: Count) -> None:
        self._messages = messages
        self._count = count

    def publish(self, alarm: Alarm) -> str:
        with self._counted(PUBLISHED):
            return self._messages.publish(alarm)

    def publish_batch(self, alarms: Sequence[Alarm]) -> list[str | MessageServiceError]:
        return self._count_each(self._messages.publish_batch(alarms))

    def publish_events(self, messages: Sequence[EventMessage]) -> list[str | MessageServiceError]:
        return self._count_each(self._messages.publish_events(messages))

    def cancel(self, message_id: str) -> bool:
        with self._counted(OTHER):
            return self._messages.cancel(message_id)

    def cancel_batch(self, message_ids: Sequence[str]) -> None:
        with self._counted(OTHER):
            self._messages.cancel_batch(message_ids)

    def delivered_at(self, message_id: str) -> datetime | None:
        with self._counted(OTHER):
            return self._messages.delivered_at(message_id)

    def cancelled_since(self, instant: datetime) -> set[str]:
        with self._counted(OTHER):
            return self._messages.cancelled_since(instant)

    def check(self) -> str | None:
        return self._messages.check()

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        try:
            yield
        except MessageServiceError as error:
            self._count(name, error.code, 1)
            raise
        self._count(name, OK, 1)

    def _count_each(self, answers: list[str | MessageServiceError]) -> list[str | MessageServiceError]:
        results = [answer.code if isinstance(answer, MessageServiceError) else OK for answer in answers]
        for result in sorted(set(results)):
            self._count(PUBLISHED, result, results.count(result))
        return answers


class CountedEventSender:
    """A sender of events whose deliveries are counted."""

    def __init__(self, sender: EventSender, count: Count) -> None:
        self._sender = sender
        self._count = count

    def send(self, url: str, secrets: Sequence[str], event_id: str, at: datetime, body: str) -> EventReply:
        reply = self._sender.send(url, secrets, event_id, at, body)
        self._count(DELIVERED, OK if reply.is_delivered else "refused" if reply.refused else "failed", 1)
        return reply
