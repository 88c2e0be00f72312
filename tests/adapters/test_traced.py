"""Traced adapters: their answers and errors pass unchanged, and each call leaves a span."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from app.adapters.traced import TracedMessages
from app.domain.ports import MessageServiceError
from app.domain.traces import Span
from app.domain.webhooks import EventMessage
from tests.support.fakes import FakeMessages

EVENTS = [EventMessage(f"event {number}", "endpoint", 1) for number in range(3)]
ANSWERS: list[str | MessageServiceError] = ["msg_1", MessageServiceError("refused", "simulated refusal"), "msg_3"]


@dataclass
class Spans:
    seen: list[Span] = field(default_factory=list)

    def record(self, span: Span) -> None:
        self.seen.append(span)

    def told(self) -> list[tuple[str, int | str, bool]]:
        return [(one.name, one.attributes["punctual.messages"], one.failed) for one in self.seen]


class Service(FakeMessages):
    """QStash, for alarms and for events."""

    def publish_events(self, messages: Sequence[EventMessage]) -> list[str | MessageServiceError]:
        return list(ANSWERS)


def test_each_call_to_the_message_service_leaves_a_span_and_its_answer_passes():
    spans, fake = Spans(), Service()
    traced = TracedMessages(fake, spans)
    assert traced.publish_events(EVENTS) == ANSWERS
    assert traced.cancelled_since(datetime.now(UTC)) == set()
    traced.cancel_batch(["msg_1", "msg_2"])
    assert traced.check() is None
    assert spans.told() == [
        ("publish to QStash", 3, True),
        ("ask QStash", 1, False),
        ("cancel at QStash", 2, False),
    ]
    assert all(one.outgoing and one.began_ns <= one.ended_ns for one in spans.seen)


def test_an_error_of_the_message_service_passes_and_its_span_has_failed():
    spans, fake = Spans(), Service()
    fake.cancel_error = "unreachable"
    with pytest.raises(MessageServiceError, match="unreachable"):
        TracedMessages(fake, spans).cancel("msg_1")
    assert spans.told() == [("cancel at QStash", 1, True)]
