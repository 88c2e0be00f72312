"""Publish pending events through the message service, off the path of any send.

Invariant: nothing here can lose an event. The row is the outbox, and the sweep finds the pending ones.
"""

from __future__ import annotations

from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.ports import MessageServiceError
from app.domain.webhooks import REPUBLISH_AFTER, Event, EventMessage
from app.log import emit
from app.store.events import deliveries

BATCH = 100


def publish_new(deps: Deps) -> None:
    """Publish the events that this process has committed since the last call. Raises nothing."""
    if deps.event_messages is None or not deps.db.has_new_events.is_set():
        return
    deps.db.has_new_events.clear()
    publish_pending(deps)


def publish_pending(deps: Deps) -> int:
    """Publish one batch of pending events. Returns their number. Raises nothing: the sweep comes again.

    Two processes may publish the same event. The deduplication id makes one message of both.
    """
    if deps.event_messages is None:
        return 0
    try:
        with deps.db.reading() as connection:
            events = deliveries.due(connection, deps.clock.now(), BATCH)
        return _publish(deps, events) if events else 0
    except Unavailable:
        emit("events.not_published")
        return 0


def _publish(deps: Deps, events: list[Event]) -> int:
    assert deps.event_messages is not None
    messages = [EventMessage(e.id, e.endpoint_id, round(e.next_try_at.timestamp() * 1000)) for e in events]
    answers = deps.event_messages.publish_events(messages)
    taken = [(event, answer) for event, answer in zip(events, answers, strict=True) if isinstance(answer, str)]
    errors = [answer for answer in answers if isinstance(answer, MessageServiceError)]
    for error in errors[:1]:
        emit("events.refused", count=len(errors), code=error.code, error=error.detail)
    with deps.db.transaction() as tx:
        deliveries.keep_messages(tx, taken, deps.clock.now() + REPUBLISH_AFTER)
    return len(taken)
