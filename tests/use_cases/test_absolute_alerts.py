"""Alerts by absolute measures, and the log of all alerts: when they are raised and when they are cleared."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.domain.alerts import CURES
from app.domain.times import to_wire
from app.operations.status import scheduler_status
from app.sweep.sweep import poll, sweep
from tests.support.world import World
from tests.web.site import capture_log


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    with capture_log(lines):
        yield lines


def logged(log: list[str], event: str) -> list[str]:
    return [line["kind"] for line in map(json.loads, log) if line["event"] == event]


def alerts_by_kind(world: World) -> dict[str, dict[str, Any]]:
    return {alert["kind"]: alert for alert in scheduler_status(world.deps)["alerts"]}


def sent_by_sweep(world: World, count: int) -> None:
    """Send posts by the sweep, because their messages do not arrive."""
    posts = [world.scheduled() for _ in range(count)]
    world.at_due(posts[0])
    world.clock.advance(minutes=2)  # the messages have had their chance
    sweep(world.deps)
    assert {attempt.trigger for post in posts for attempt in world.attempts(post)} == {"sweep"}


def test_three_posts_sent_by_the_sweep_within_an_hour_raise_an_alert_without_history(world: World):
    sent_by_sweep(world, 2)
    assert "deliveries_missing" not in alerts_by_kind(world)
    first = world.clock.now()
    world.clock.advance(minutes=30)
    sent_by_sweep(world, 1)
    found = alerts_by_kind(world)["deliveries_missing"]
    assert (found["count"], found["detail"]) == (3, CURES["deliveries_missing"])
    assert found["since"] == to_wire(first)
    world.clock.set(first + timedelta(hours=1, microseconds=1))
    assert "deliveries_missing" not in alerts_by_kind(world)


def test_posts_sent_by_their_messages_raise_no_alert(world: World):
    for _ in range(5):
        world.published()
    sweep(world.deps)
    assert alerts_by_kind(world) == {}


def test_posts_sent_in_poll_mode_raise_no_alert(world: World):
    world.with_deps(messages=None)
    posts = [world.scheduled() for _ in range(5)]
    world.at_due(posts[0])
    poll(world.deps)
    assert alerts_by_kind(world) == {}


@pytest.mark.parametrize("poll_mode", [False, True])
def test_post_overdue_for_ten_minutes_raises_an_alert_until_it_is_sent(world: World, poll_mode: bool):
    if poll_mode:
        world.with_deps(messages=None)
    post = world.due()
    sweep_at = world.clock.now()
    world.clock.advance(minutes=10)
    assert "posts_overdue" not in alerts_by_kind(world)
    world.clock.advance(microseconds=1)
    found = alerts_by_kind(world)["posts_overdue"]
    assert (found["count"], found["since"]) == (1, to_wire(sweep_at))
    world.dispatch(post)
    assert "posts_overdue" not in alerts_by_kind(world)


def test_derived_alert_is_logged_once_when_it_begins_and_once_when_it_ends(world: World, log: list[str]):
    sweep(world.deps)
    world.clock.advance(minutes=16)
    sweep(world.deps)
    assert (logged(log, "alert"), logged(log, "alert.cleared")) == (["no_sweep"], ["no_sweep"])
    assert alerts_by_kind(world) == {}  # the sweep itself has ended it
    world.clock.advance(minutes=5)
    sweep(world.deps)
    assert (logged(log, "alert"), logged(log, "alert.cleared")) == (["no_sweep"], ["no_sweep"])


@pytest.mark.parametrize("code", ["unreachable", "unauthorized", "quota_exceeded"])
def test_message_service_alert_is_logged_when_raised_and_when_cleared(world: World, log: list[str], code: str):
    kind = f"message_service_{code}"
    world.messages.publish_error = code
    world.scheduled()
    assert alerts_by_kind(world)[kind]["detail"]
    assert logged(log, "alert") == [kind]
    world.messages.publish_error = None
    world.scheduled()
    assert logged(log, "alert.cleared") == [kind]
    assert alerts_by_kind(world) == {}


def test_alerts_raised_within_another_transaction_are_logged_too(world: World, log: list[str]):
    post = world.published()
    world.report_published(post, "urn:li:share:2")
    assert logged(log, "alert") == ["duplicate_publish"]


def test_every_kind_of_alert_has_a_cure():
    assert all(cure.endswith(".") and len(cure) <= 110 for cure in CURES.values())
