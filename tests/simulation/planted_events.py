"""Patches that break one rule of the webhooks each. No file of the app is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.events import deliver, publish
from app.store.events import deliveries, outbox
from app.store.schema.webhooks import webhook_events
from tests.simulation.database import SimulatedDatabase


@contextmanager
def events_are_written_after_the_commit() -> Iterator[None]:
    """Lose the event of a process that dies right after its commit."""
    real_record, real_transaction = outbox.record_post, SimulatedDatabase.transaction
    waiting: dict[Any, list[Any]] = defaultdict(list)

    def record(tx: Any, *event: Any) -> None:
        waiting[tx].append(event)

    @contextmanager
    def transaction(self: Any) -> Iterator[Any]:
        with real_transaction(self) as tx:
            yield tx
        if events := waiting.pop(tx, []):
            with real_transaction(self) as after:
                for event in events:
                    real_record(after, *event)

    with (
        mock.patch.object(outbox, "record_post", record),
        mock.patch.object(SimulatedDatabase, "transaction", transaction),
    ):
        yield


@contextmanager
def events_are_written_for_rollbacks() -> Iterator[None]:
    """Keep the events of a transaction that was rolled back."""
    real = SimulatedDatabase.transaction

    @contextmanager
    def transaction(self: Any) -> Iterator[Any]:
        events: list[dict[str, Any]] = []
        try:
            with real(self) as tx:
                yield tx
                events = [dict(row) for row in tx.execute(sa.select(webhook_events)).mappings()]
        except Unavailable:
            with real(self) as tx:
                for event in events:
                    tx.execute(sa.insert(webhook_events).prefix_with("OR IGNORE").values(event))
            raise

    with mock.patch.object(SimulatedDatabase, "transaction", transaction):
        yield


@contextmanager
def events_reach_all_owners() -> Iterator[None]:
    """Write an event for every endpoint that listens, whoever made it."""

    def of_anybody(of: Any) -> Any:
        return sa.or_(outbox.E.user_id == of.user_id, outbox.E.user_id != of.user_id)

    outbox._ONE_POST.clear()
    try:
        with mock.patch.object(outbox, "_of_owner", of_anybody):
            yield
    finally:
        outbox._ONE_POST.clear()


def published_events_are_forgotten() -> AbstractContextManager[Any]:
    """Leave a published event to its message, which may be lost."""
    return mock.patch.object(publish, "REPUBLISH_AFTER", timedelta(days=365))


def failures_disable_at_once() -> AbstractContextManager[Any]:
    """Switch an endpoint off after two failures."""
    return mock.patch.object(deliver, "MAX_FAILURES", 2)


@contextmanager
def deliveries_are_recorded_before_the_send() -> Iterator[None]:
    """Record an event as delivered before the endpoint has answered."""
    real = deliver._deliver

    def early(deps: Any, event: Any, endpoint: Any) -> Any:
        with deps.db.transaction() as tx:
            deliveries.record_delivered(tx, event.id, 204, deps.clock.now())
        return real(deps, event, endpoint)

    with mock.patch.object(deliver, "_deliver", early):
        yield
