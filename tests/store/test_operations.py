"""Leases, sweep figures, the breaker, alerts and the figures of the status route."""

from datetime import datetime, timedelta

import pytest

from app.domain.breaker import Breaker
from app.store.operations import alerts, breaker, runs, scheduler_state, statistics
from tests.support.fakes import START
from tests.support.rows import DUE, MICROSECOND, Rows, later

COOLDOWN = timedelta(seconds=60)
UNTIL = START + COOLDOWN


def take(rows: Rows, holder: str, now=START, until=UNTIL, name: str = "sweep") -> bool:
    return runs.acquire_lease(rows.db, name, holder, now=now, until=until)


def lease(rows: Rows) -> runs.Lease | None:
    with rows.db.reading() as connection:
        return scheduler_state.read(connection).lease


def test_held_lease_is_refused_and_keeps_its_holder(rows: Rows):
    assert take(rows, "a")
    assert not take(rows, "b", now=UNTIL - MICROSECOND, until=later(999))
    assert lease(rows) == runs.Lease("a", UNTIL)


def test_lease_of_a_dead_holder_is_acquired_at_its_end(rows: Rows):
    take(rows, "the dead one")
    assert take(rows, "b", now=UNTIL, until=later(120))
    assert lease(rows) == runs.Lease("b", later(120))


def test_holder_may_renew_its_lease(rows: Rows):
    take(rows, "a")
    assert take(rows, "a", now=later(1), until=later(90))
    assert lease(rows) == runs.Lease("a", later(90))


def test_leases_of_different_names_are_independent(rows: Rows):
    assert take(rows, "a")
    assert take(rows, "b", name="another")


def test_lease_is_released_by_its_holder_only(rows: Rows):
    take(rows, "a")
    with rows.db.transaction() as tx:
        runs.release_lease(tx, "sweep", "b")
    assert lease(rows) == runs.Lease("a", UNTIL)
    with rows.db.transaction() as tx:
        runs.release_lease(tx, "another", "a")
    assert lease(rows) is not None
    with rows.db.transaction() as tx:
        runs.release_lease(tx, "sweep", "a")
    assert lease(rows) is None
    assert take(rows, "b")


def test_figures_of_all_sweep_runs_add_up(rows: Rows):
    with rows.db.reading() as connection:
        assert runs.read_figures(connection, "sweep") is None
    for n, status in enumerate(("ok", "failed", "ok")):
        with rows.db.transaction() as tx:
            runs.record_run(tx, "sweep", started=later(n), duration_ms=10.0 * n, status=status)
    with rows.db.reading() as connection:
        assert runs.read_figures(connection, "sweep") == runs.SweepFigures(3, later(2), 20.0, "ok")


def read_breaker(rows: Rows) -> Breaker:
    with rows.db.reading() as connection:
        return breaker.read(connection)


def fail(rows: Rows, now=START, threshold: int = 2) -> bool:
    with rows.db.transaction() as tx:
        return breaker.record_failure(tx, threshold=threshold, cooldown=COOLDOWN, now=now)


def probe(rows: Rows, seen: Breaker, now=UNTIL) -> bool:
    with rows.db.transaction() as tx:
        return breaker.take_probe(tx, seen, now, now + COOLDOWN)


def test_breaker_is_closed_before_any_failure(rows: Rows):
    assert read_breaker(rows) == Breaker(0, None, None)
    with rows.db.transaction() as tx:
        assert breaker.record_success(tx) is False


def test_only_the_failure_at_the_threshold_reports_opening_the_breaker(rows: Rows):
    assert [fail(rows), fail(rows, later(1)), fail(rows, later(2))] == [False, True, False]
    assert read_breaker(rows) == Breaker(3, later(1), later(2) + COOLDOWN)


def test_success_closes_the_breaker_and_resets_the_failure_count(rows: Rows):
    fail(rows)
    fail(rows)
    with rows.db.transaction() as tx:
        assert breaker.record_success(tx) is True
    assert read_breaker(rows) == Breaker(0, None, None)
    assert not fail(rows)


def test_open_breaker_allows_one_probe_and_none_before_its_instant(rows: Rows):
    fail(rows)
    fail(rows)
    seen = read_breaker(rows)
    assert not probe(rows, seen, UNTIL - MICROSECOND)
    assert probe(rows, seen)
    assert not probe(rows, seen)
    assert not probe(rows, read_breaker(rows))
    assert read_breaker(rows) == Breaker(2, START, UNTIL + COOLDOWN)


def test_probe_with_a_stale_view_of_the_breaker_is_refused(rows: Rows):
    fail(rows)
    fail(rows)
    seen = read_breaker(rows)
    assert probe(rows, seen)
    assert not probe(rows, seen, later(9999))


def test_closed_breaker_allows_no_probe(rows: Rows):
    fail(rows)
    fail(rows)
    seen = read_breaker(rows)
    with rows.db.transaction() as tx:
        breaker.record_success(tx)
    assert not probe(rows, seen)


def raise_alert(rows: Rows, kind: str, subject: str, detail: str, seconds: float) -> None:
    with rows.db.transaction() as tx:
        alerts.raise_alert(tx, kind, subject, detail, later(seconds))


def test_alert_raised_again_is_counted_and_keeps_its_first_instant(rows: Rows):
    raise_alert(rows, "breaker_open", "n8n", "first", 0)
    raise_alert(rows, "duplicate_publish", "post-1", "other", 1)
    raise_alert(rows, "breaker_open", "n8n", "second", 2)
    raise_alert(rows, "duplicate_publish", "post-2", "other", 3)
    with rows.db.reading() as connection:
        current = alerts.current(connection)
        assert alerts.current(connection, limit=1) == current[:1]
    assert [(a.subject, a.count) for a in current] == [("post-2", 1), ("n8n", 2), ("post-1", 1)]
    assert current[1] == alerts.Alert("breaker_open", "n8n", START, later(2), 2, "second")


def test_cleared_alert_begins_again_and_leaves_the_others(rows: Rows):
    raise_alert(rows, "a", "x", "first", 0)
    raise_alert(rows, "a", "y", "first", 1)
    with rows.db.transaction() as tx:
        alerts.clear(tx, "a", "x")
        alerts.clear(tx, "b", "y")
    raise_alert(rows, "a", "x", "again", 2)
    with rows.db.reading() as connection:
        assert [(a.subject, a.since, a.count) for a in alerts.current(connection)] == [
            ("x", later(2), 1),
            ("y", later(1), 1),
        ]


@pytest.mark.parametrize("about_posts", [3, 99, 150])
def test_few_and_many_stored_alerts_are_read_alike(rows: Rows, about_posts: int):
    with rows.db.transaction() as tx:
        alerts.raise_alert(tx, "no_sweep", "b", "detail", later(1))
        alerts.raise_alert(tx, "stale_claims", "a", "detail", later(2))
        alerts.raise_for_many(tx, "reconnect_soon", [f"{n:03}" for n in reversed(range(about_posts))], "detail", START)
    with rows.db.reading() as connection:
        own, objects = alerts.stored(connection)
    assert [alert.kind for alert in own] == ["stale_claims", "no_sweep"]
    assert [alert.subject for alert in objects["reconnect_soon"]] == [f"{n:03}" for n in range(about_posts)]


def test_overdue_parked_and_unarmed_are_exact_at_their_bounds(rows: Rows):
    horizon = later(100, DUE)
    rows.post("scheduled", next_attempt_at=DUE, message_id=None)
    rows.post("scheduled", next_attempt_at=horizon - MICROSECOND, message_id=None)
    rows.post("scheduled", next_attempt_at=horizon, message_id=None)
    rows.post("scheduled", next_attempt_at=horizon)
    rows.post("scheduled", next_attempt_at=DUE - MICROSECOND)
    rows.post("failed")
    found = of_posts(rows, DUE, horizon)
    assert (found.unarmed, found.parked, found.overdue, found.oldest) == (2, 1, 1, DUE - MICROSECOND)
    found = of_posts(rows, START, horizon)
    assert (found.overdue, found.oldest, found.upcoming) == (0, None, DUE - MICROSECOND)


def test_empty_database_has_no_unarmed_or_parked_posts(rows: Rows):
    found = of_posts(rows, DUE, DUE)
    assert (found.unarmed, found.parked, found.upcoming) == (0, 0, None)


def of_posts(rows: Rows, before: datetime, horizon: datetime) -> statistics.Statistics:
    with rows.db.reading() as connection:
        counted = scheduler_state.read(connection).counted
        return statistics.of_posts(connection, counted, now=START, overdue_before=before, horizon=horizon)
