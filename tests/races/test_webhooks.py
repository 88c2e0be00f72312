"""Deliveries of events beside changes of their endpoint, and beside each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from app.domain.webhooks import DISABLED, Endpoint, Event, EventReply
from app.events import endpoints
from app.events.deliver import deliver
from app.store.events import deliveries
from app.sweep.sweep import poll, sweep
from tests.support.threads import TIMEOUT_SECONDS, run_beside
from tests.support.world import USER, World

URL = "https://hooks.example.com/punctual"
TAKEN, FAILED = EventReply(204, ""), EventReply(503, "")


class Receiver:
    """An owner's server. `meanwhile` runs while it has a request."""

    def __init__(self) -> None:
        self.reply = TAKEN
        self.meanwhile: Callable[[], object] = lambda: None
        self.seen: list[tuple[str, list[str]]] = []

    def send(self, _url: str, secrets: Sequence[str], event_id: str, _at: datetime, _body: str) -> EventReply:
        self.seen.append((event_id, list(secrets)))
        self.meanwhile()
        return self.reply


@pytest.fixture
def receiver(world: World) -> Receiver:
    """Poll mode, with a receiver for all endpoints."""
    made = Receiver()
    world.set(qstash_token=None)
    world.with_deps(messages=None, event_sender=made)
    return made


@pytest.fixture
def endpoint(world: World, receiver: Receiver) -> tuple[Endpoint, str]:
    return endpoints.create_endpoint(world.deps, USER, {"url": URL, "events": ["post.failed"]}, admin=False)


def event_of(world: World, endpoint: Endpoint) -> Event:
    return endpoints.send_test(world.deps, USER, endpoint.id)


def stored(world: World, event: Event) -> Event | None:
    with world.db.reading() as connection:
        return deliveries.by_id(connection, event.id)


def test_secret_rotated_during_a_delivery_signs_the_next_one_beside_the_former(
    world: World, receiver: Receiver, endpoint: tuple[Endpoint, str]
):
    made, former = endpoint
    event, rotated = event_of(world, made), list[str]()
    receiver.meanwhile = lambda: rotated.append(endpoints.rotate_secret(world.deps, USER, made.id)[1])
    assert deliver(world.deps, event.id) == "delivered"
    receiver.meanwhile = lambda: None
    assert deliver(world.deps, event_of(world, made).id) == "delivered"
    assert [secrets for _, secrets in receiver.seen] == [[former], [rotated[0], former]]


@pytest.mark.parametrize("reply", [TAKEN, FAILED], ids=["taken", "failed"])
def test_endpoint_removed_during_a_delivery_leaves_no_event_and_no_alert(
    world: World, receiver: Receiver, endpoint: tuple[Endpoint, str], reply: EventReply
):
    made, _ = endpoint
    event, receiver.reply = event_of(world, made), reply
    receiver.meanwhile = lambda: endpoints.remove_endpoint(world.deps, USER, made.id)
    assert deliver(world.deps, event.id) == ("delivered" if reply is TAKEN else "retry")
    assert stored(world, event) is None
    assert DISABLED not in world.alerts()
    assert deliver(world.deps, event.id) == "ignored"
    assert len(receiver.seen) == 1


def test_endpoint_switched_off_during_a_delivery_stays_off(
    world: World, receiver: Receiver, endpoint: tuple[Endpoint, str]
):
    made, _ = endpoint
    event, receiver.reply = event_of(world, made), FAILED
    receiver.meanwhile = lambda: endpoints.change_endpoint(
        world.deps, USER, made.id, {"status": "disabled"}, admin=False
    )
    assert deliver(world.deps, event.id) == "retry"
    assert deliver(world.deps, event.id) == "failed"
    assert len(receiver.seen) == 1


def test_two_sweeps_in_poll_mode_deliver_an_event_once_per_try(
    world: World, receiver: Receiver, endpoint: tuple[Endpoint, str]
):
    event, receiver.reply = event_of(world, endpoint[0]), FAILED
    began, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert may_end.wait(TIMEOUT_SECONDS)

    receiver.meanwhile = wait
    with run_beside(lambda: sweep(world.deps)) as first:
        try:
            assert began.wait(TIMEOUT_SECONDS)
            assert poll(world.deps).skipped
            assert sweep(world.deps).skipped
        finally:
            may_end.set()
        assert not first.result(TIMEOUT_SECONDS).skipped
    assert [event_id for event_id, _ in receiver.seen] == [event.id]
    sweep(world.deps)  # the next try is a minute later
    assert len(receiver.seen) == 1
    receiver.reply, receiver.meanwhile = TAKEN, lambda: None
    world.clock.advance(seconds=timedelta(minutes=1).total_seconds())
    sweep(world.deps)
    sweep(world.deps)
    assert [event_id for event_id, _ in receiver.seen] == [event.id] * 2
