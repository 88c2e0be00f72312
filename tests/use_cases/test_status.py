"""The scheduler's state as anyone may see it: figures that are true, and nothing of any user's."""

import json
from datetime import timedelta

from app.operations.status import inspect
from app.store.operations import runs
from app.sweep.sweep import sweep
from tests.support.fakes import START, not_sent
from tests.support.world import IN_TEN_MINUTES, USER, World

NOON = "2030-01-07T12:00:00.000Z"


def test_an_empty_house_is_in_order(world: World):
    state = inspect(world.deps)
    assert (state["operational"], state["database"]) == (True, "ok")
    assert (state["messageService"], state["publisher"]) == ("configured", "configured")
    assert (state["lastRunAt"], state["totalRuns"], state["nextScheduledAt"]) == (None, 0, None)
    assert state["executionLock"] == {"held": False, "by": None, "expiresAt": None}
    assert state["breaker"] == {"state": "closed", "openedAt": None}
    assert (state["overdue"], state["oldestOverdueSeconds"], state["alerts"]) == (0, None, [])
    assert state["lateness"]["window"] == "24h"


def test_posts_are_counted_by_what_they_wait_for(world: World):
    world.published()
    world.scheduled(IN_TEN_MINUTES + timedelta(minutes=5))
    world.scheduled(START + timedelta(days=30))
    world.messages.refusing = "unreachable"
    world.scheduled(IN_TEN_MINUTES + timedelta(minutes=1))
    world.clock.advance(minutes=2)
    state = inspect(world.deps)
    assert state["queue"] | {} == {
        "draft": 0,
        "scheduled": 3,
        "publishing": 0,
        "published": 1,
        "failed": 0,
        "cancelled": 0,
    }
    assert (state["parked"], state["unarmed"], state["totalPublished"]) == (1, 1, 1)
    assert (state["overdue"], state["oldestOverdueSeconds"]) == (1, 60.0)
    assert state["nextScheduledAt"] == "2030-01-07T12:15:00.000Z"
    assert (state["lateness"]["count"], state["lateness"]["maxMs"]) == (1, 0.0)


def test_the_last_sweep_and_who_holds_the_lock_are_shown(world: World):
    sweep(world.deps)
    runs.take_lease(world.db, runs.SWEEP, "holder", now=START, until=START + timedelta(seconds=85))
    state = inspect(world.deps)
    assert (state["lastRunAt"], state["lastRunStatus"], state["totalRuns"]) == (NOON, "ok", 1)
    assert state["executionLock"] == {"held": True, "by": "holder", "expiresAt": "2030-01-07T12:01:25.000Z"}
    world.clock.advance(seconds=85)
    assert inspect(world.deps)["executionLock"]["held"] is False


def test_an_open_breaker_is_shown_and_the_house_is_not_operational(world: World):
    world.set(breaker_threshold=1)
    world.publisher.answers(not_sent())
    world.dispatch(world.due())
    state = inspect(world.deps)
    assert state["operational"] is False
    assert state["breaker"] == {"state": "open", "openedAt": "2030-01-07T12:10:00.000Z"}
    assert [(alert["kind"], alert["subject"], alert["count"]) for alert in state["alerts"]] == [
        ("breaker_open", "n8n", 1)
    ]
    world.clock.advance(seconds=60)
    assert inspect(world.deps)["breaker"]["state"] == "half_open"


def test_in_poll_mode_nothing_is_unarmed_or_parked(world: World):
    world.with_deps(messages=None)
    world.scheduled()
    world.scheduled(START + timedelta(days=30))
    state = inspect(world.deps)
    assert (state["parked"], state["unarmed"], state["messageService"]) == (0, 0, "none")


def test_nothing_of_any_user_is_shown(world: World):
    world.published(content="private words")
    shown = json.dumps(inspect(world.deps))
    for private in (USER, "private words", "urn:li:person:1", "token-1", "urn:li:share:1"):
        assert private not in shown


def test_a_database_that_is_down_is_what_it_says_then(world: World):
    world.cut_database(1)
    state = inspect(world.deps)
    assert (state["operational"], state["database"]) == (False, "unreachable")
    assert (state["messageService"], state["publisher"]) == ("configured", "configured")
    assert state.keys() == inspect(world.deps).keys()
