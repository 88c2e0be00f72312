"""The sweep's part for events: publish those left pending, or deliver them in poll mode, and prune old ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from app.deps import Deps
from app.domain.webhooks import Event
from app.events.deliver import Result, deliver
from app.events.publish import BATCH, publish_pending
from app.store.events import deliveries

MAX_BATCHES = 10  # published by one sweep
MAX_DELIVERED = 100  # by one sweep, in poll mode
AT_ONCE = 2
POLL_WINDOW = timedelta(seconds=2)  # after which a sweep in poll mode begins no delivery, since posts may be due


def sweep_events(deps: Deps, in_time: Callable[[], bool]) -> int:
    """Publish or deliver pending events while `in_time` returns True. Returns their number.

    Raises: Unavailable.
    """
    if deps.event_messages is not None:
        return _publish(deps, in_time)
    if deps.event_sender is None:
        return 0
    now = deps.clock.now()
    with deps.db.reading() as connection:
        due = deliveries.due(connection, now, MAX_DELIVERED)

    def deliver_in_time(event: Event) -> Result | None:
        return deliver(deps, event.id) if in_time() and deps.clock.now() < now + POLL_WINDOW else None

    results = deps.run_many(deliver_in_time, due, AT_ONCE)
    return sum(result == "delivered" for result in results)


def _publish(deps: Deps, in_time: Callable[[], bool]) -> int:
    total = 0
    for _ in range(MAX_BATCHES):
        published = publish_pending(deps) if in_time() else 0
        total += published
        if published < BATCH:
            break
    return total
