"""Record a span for each send to n8n and for each call to QStash.

Invariant: the traced adapter's answers and errors pass unchanged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from app.domain.ports import Alarm, MessageServiceError, Publisher, Reply, Submission
from app.domain.traces import Span, Tracer
from app.domain.webhooks import AllMessages, EventMessage

T = TypeVar("T")


class TracedPublisher:
    """A publisher whose sends are recorded."""

    def __init__(self, publisher: Publisher, tracer: Tracer, name: str) -> None:
        self._publisher, self._tracer, self._name = publisher, tracer, name

    def send(self, submission: Submission) -> Reply:
        began = time.time_ns()
        reply = self._publisher.send(submission)
        about: dict[str, str | int] = {
            "punctual.post_id": submission.post_id,
            "punctual.attempt": submission.attempt,
            "punctual.platform": submission.platform,
            "punctual.publisher": self._name,
            "punctual.reply": reply.kind,
        }
        if reply.status is not None:
            about["http.response.status_code"] = reply.status
        failed = reply.status is None or reply.status >= 400
        self._tracer.record(Span("send to n8n", began, time.time_ns(), about, failed, outgoing=True))
        return reply

    def warm(self, count: int = 1) -> None:
        self._publisher.warm(count)

    def check(self) -> str | None:
        return self._publisher.check()


class TracedMessages:
    """A message service whose calls are recorded, with the number of their messages."""

    def __init__(self, messages: AllMessages, tracer: Tracer) -> None:
        self._messages, self._tracer = messages, tracer

    def publish(self, alarm: Alarm) -> str:
        return self._recorded("publish to QStash", 1, lambda: self._messages.publish(alarm))

    def publish_batch(self, alarms: Sequence[Alarm]) -> list[str | MessageServiceError]:
        return self._recorded("publish to QStash", len(alarms), lambda: self._messages.publish_batch(alarms))

    def publish_events(self, messages: Sequence[EventMessage]) -> list[str | MessageServiceError]:
        return self._recorded("publish to QStash", len(messages), lambda: self._messages.publish_events(messages))

    def cancel(self, message_id: str) -> bool:
        return self._recorded("cancel at QStash", 1, lambda: self._messages.cancel(message_id))

    def cancel_batch(self, message_ids: Sequence[str]) -> None:
        self._recorded("cancel at QStash", len(message_ids), lambda: self._messages.cancel_batch(message_ids))

    def delivered_at(self, message_id: str) -> datetime | None:
        return self._recorded("ask QStash", 1, lambda: self._messages.delivered_at(message_id))

    def cancelled_since(self, instant: datetime) -> set[str]:
        return self._recorded("ask QStash", 1, lambda: self._messages.cancelled_since(instant))

    def check(self) -> str | None:
        return self._messages.check()

    def _recorded(self, name: str, messages: int, call: Callable[[], T]) -> T:
        """Call, and record the call. A batch with a refused message has failed."""
        began, about, failed = time.time_ns(), {"punctual.messages": messages}, True
        try:
            answer = call()
            failed = isinstance(answer, list) and any(isinstance(one, MessageServiceError) for one in answer)
            return answer
        finally:
            self._tracer.record(Span(name, began, time.time_ns(), about, failed, outgoing=True))
