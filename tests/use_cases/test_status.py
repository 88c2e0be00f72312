"""The public scheduler status: true figures and no user data."""

import json
from datetime import timedelta

import pytest

from app.domain.in_flight import InFlight
from app.domain.window import START as START_SIZE
from app.operations.status import scheduler_status
from app.store.engine import Database, make_engine
from app.store.operations import runs
from app.sweep.sweep import sweep
from tests.support.databases import record_statements
from tests.support.fakes import START, not_sent
from tests.support.world import IN_TEN_MINUTES, USER, World

NOON = "2030-01-07T12:00:00.000Z"


def test_empty_system_is_operational(world: World):
    state = scheduler_status(world.deps)
    assert (state["operational"], state["database"]) == (True, "ok")
    assert (state["messageService"], state["publisher"]) == ("configured", "configured")
    assert (state["lastRunAt"], state["totalRuns"], state["nextScheduledAt"]) == (None, 0, None)
    assert state["executionLock"] == {"held": False, "by": None, "expiresAt": None}
    assert state["breaker"] == {"state": "closed", "openedAt": None}
    assert (state["overdue"], state["oldestOverdueSeconds"], state["alerts"]) == (0, None, [])
    assert state["lateness"]["window"] == "24h"


def test_posts_are_counted_by_status_parked_unarmed_and_overdue(world: World):
    world.published()
    world.scheduled(IN_TEN_MINUTES + timedelta(minutes=5))
    world.scheduled(START + timedelta(days=30))
    world.messages.publish_error = "unreachable"
    world.scheduled(IN_TEN_MINUTES + timedelta(minutes=1))
    world.clock.advance(minutes=2)
    state = scheduler_status(world.deps)
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


def test_last_sweep_and_lock_holder_are_shown(world: World):
    sweep(world.deps)
    runs.acquire_lease(world.db, runs.SWEEP, "holder", now=START, until=START + timedelta(seconds=85))
    state = scheduler_status(world.deps)
    assert (state["lastRunAt"], state["lastRunStatus"], state["totalRuns"]) == (NOON, "ok", 1)
    assert state["executionLock"] == {"held": True, "by": "holder", "expiresAt": "2030-01-07T12:01:25.000Z"}
    world.clock.advance(seconds=85)
    assert scheduler_status(world.deps)["executionLock"]["held"] is False


def test_open_breaker_is_shown_and_the_system_is_not_operational(world: World):
    world.set(breaker_threshold=1)
    world.publisher.answers(not_sent())
    world.dispatch(world.due())
    state = scheduler_status(world.deps)
    assert state["operational"] is False
    assert state["breaker"] == {"state": "open", "openedAt": "2030-01-07T12:10:00.000Z"}
    assert [(alert["kind"], alert["subject"], alert["count"]) for alert in state["alerts"]] == [
        ("breaker_open", "n8n", 1)
    ]
    world.clock.advance(seconds=60)
    assert scheduler_status(world.deps)["breaker"]["state"] == "half_open"


def test_status_of_a_working_system_takes_four_statements(world: World):
    world.published()
    world.scheduled()
    sweep(world.deps)
    with record_statements(world.db.engine, "SELECT") as seen:
        assert scheduler_status(world.deps)["queue"]["published"] == 1
    assert len(seen) == 4, seen


def test_second_status_compiles_no_statement(world: World, caplog: pytest.LogCaptureFixture):
    scheduler_status(world.deps)
    with caplog.at_level("INFO", "sqlalchemy.engine"):
        scheduler_status(world.deps)
    notes = [line for line in caplog.messages if line.startswith("[")]
    assert notes
    assert [note for note in notes if "[cached since" not in note and "[raw sql]" not in note] == []


def test_times_of_n8n_alarms_and_publications_are_shown(world: World):
    world.published()
    world.in_flight()
    state = scheduler_status(world.deps)
    zero = {"answerP50Ms": 0.0, "answerP99Ms": 0.0, "reportP50Ms": 0.0, "reportP99Ms": 0.0}
    assert state["n8n"] == zero | {"inFlight": 0, "maxInFlight": START_SIZE}
    assert state["alarm"] == {"leadSeconds": 1.0, "lateP50Ms": None, "lateP99Ms": None}
    assert state["publishedLateness"] == {"p50Ms": 0.0, "p99Ms": 0.0, "maxMs": 0.0, "count": 1}


def test_times_are_none_without_a_send(world: World):
    state = scheduler_status(world.deps)
    assert [state["n8n"][name] for name in ("answerP50Ms", "answerP99Ms", "reportP50Ms", "reportP99Ms")] == [None] * 4
    assert state["publishedLateness"] == {"p50Ms": None, "p99Ms": None, "maxMs": None, "count": 0}


def test_lead_in_use_is_shown_and_a_fixed_one_is_itself(world: World):
    world.deps.lead.seconds = 2.4567
    assert scheduler_status(world.deps)["alarm"]["leadSeconds"] == 2.457
    world.set(dispatch_lead_seconds=7.0)
    assert scheduler_status(world.deps)["alarm"]["leadSeconds"] == 7.0


def test_fixed_bound_in_flight_is_shown(world: World):
    world.with_deps(in_flight=InFlight(5))
    assert scheduler_status(world.deps)["n8n"]["maxInFlight"] == 5


def test_poll_mode_counts_no_post_as_unarmed_or_parked(world: World):
    world.with_deps(messages=None)
    world.scheduled()
    world.scheduled(START + timedelta(days=30))
    state = scheduler_status(world.deps)
    assert (state["parked"], state["unarmed"], state["messageService"]) == (0, 0, "none")


def test_no_user_data_is_shown(world: World):
    world.published(content="private words")
    shown = json.dumps(scheduler_status(world.deps))
    for private in (USER, "private words", "urn:li:person:1", "token-1", "urn:li:share:1"):
        assert private not in shown


def test_database_failure_is_shown_as_unreachable(world: World):
    world.fail_transactions(1)
    state = scheduler_status(world.deps)
    assert (state["operational"], state["database"]) == (False, "unreachable")
    assert (state["messageService"], state["publisher"]) == ("configured", "configured")
    assert state.keys() == scheduler_status(world.deps).keys()


def test_database_without_tables_is_shown_as_not_migrated(world: World, blank_database_url: str):
    database = Database(make_engine(blank_database_url))
    state = scheduler_status(world.with_deps(db=database))
    database.close()
    assert (state["operational"], state["database"]) == (False, "not_migrated")
