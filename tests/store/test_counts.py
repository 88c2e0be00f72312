"""Counts: exact for few posts, bounded for many, and final posts counted once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app.domain.alerts import LONG_OVERDUE
from app.domain.lifecycle import Status
from app.store.operations import alert_queries, counts, scheduler_state, statistics
from app.store.operations.alert_queries import Occurrences
from app.store.operations.statistics import Total
from app.store.posts import retention
from app.store.schema.tables import tallies as table
from tests.support.databases import record_statements
from tests.support.fakes import START
from tests.support.rows import DUE, MICROSECOND, Rows, later

SETTLED = counts.SETTLED


FAR = later(10**9)


def figures(rows: Rows, before: datetime = START, horizon: datetime = FAR) -> statistics.Statistics:
    with rows.db.reading() as connection:
        counted = scheduler_state.read(connection).counted
        return statistics.of_posts(connection, counted, now=before, overdue_before=before, horizon=horizon)


def queue(rows: Rows) -> dict[str, int]:
    return figures(rows).by_status


def published(rows: Rows, seconds: float) -> None:
    rows.post("published", updated_at=later(seconds))


def advance(rows: Rows, seconds: float, status: Status = Status.PUBLISHED) -> bool:
    with rows.db.transaction() as tx:
        return counts.advance(tx, status, later(seconds) + SETTLED)


def total(rows: Rows) -> Total:
    return figures(rows).totals[Status.PUBLISHED]


def test_counts_include_every_status(rows: Rows):
    for status, number in (("draft", 2), ("failed", 1), ("published", 3), ("cancelled", 1)):
        for _ in range(number):
            rows.post(status)
    assert queue(rows) == {"draft": 2, "scheduled": 0, "publishing": 0, "published": 3, "failed": 1, "cancelled": 1}


@pytest.mark.parametrize("status", ["draft", "scheduled", "publishing", "failed"])
def test_above_the_limit_the_count_is_the_last_sweeps(rows: Rows, monkeypatch: pytest.MonkeyPatch, status: str):
    monkeypatch.setattr(counts, "EXACT_LIMIT", 2)
    for _ in range(5):
        rows.post(status)
    assert queue(rows)[status] == 5  # no sweep has stored a count yet, so all are counted
    with rows.db.transaction() as tx:
        counts.recount(tx, counts.of_status(Status(status)), START)
    rows.post(status)
    assert queue(rows)[status] == 5


def test_many_posts_take_as_many_statements_as_few(rows: Rows, monkeypatch: pytest.MonkeyPatch):
    rows.post("draft")
    with record_statements(rows.db.engine, "SELECT") as for_few:
        assert queue(rows)["draft"] == 1
    monkeypatch.setattr(counts, "EXACT_LIMIT", 2)
    for _ in range(4):
        rows.post("draft")
    with rows.db.transaction() as tx:
        counts.recount(tx, counts.of_status(Status.DRAFT), START)
    with record_statements(rows.db.engine, "SELECT") as for_many:
        assert queue(rows)["draft"] == 5
    assert len(for_many) == len(for_few)


def test_below_the_limit_the_count_is_exact_in_spite_of_an_old_sweep(rows: Rows, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counts, "EXACT_LIMIT", 2)
    posts = [rows.post("scheduled") for _ in range(5)]
    with rows.db.transaction() as tx:
        counts.recount(tx, counts.of_status(Status.SCHEDULED), START)
    for post in posts[:3]:
        rows.change(post, status="draft", next_attempt_at=None, message_id=None)
    assert queue(rows)["scheduled"] == 2


def test_sweep_stores_no_count_below_the_limit(rows: Rows):
    rows.post("draft")
    with rows.db.transaction() as tx:
        counts.recount(tx, counts.of_status(Status.DRAFT), START)
    with rows.db.reading() as connection:
        assert connection.execute(table.select()).all() == []


def test_final_post_is_added_to_the_stored_count_only_when_settled(rows: Rows):
    published(rows, 0)
    assert not advance(rows, 0)
    with rows.db.reading() as connection:
        assert counts.counted_until(connection, Status.PUBLISHED) == START
    assert total(rows) == Total(1, 1)
    rows.change(rows.post("published", updated_at=START), updated_at=START)  # exactly at counted_until
    advance(rows, 1)
    assert total(rows) == Total(2, 2)


def test_steps_count_every_post_once_with_equal_instants_too(rows: Rows, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counts, "STEP", 2)
    for seconds in (1, 2, 3, 3, 3, 3, 3, 4, 5):
        published(rows, seconds)
    steps = 0
    while advance(rows, 9):
        steps += 1
        assert total(rows) == Total(9, 9)
    assert steps == 2  # the posts before the five of one instant, then those five
    rows.post("cancelled")
    published(rows, 10)
    assert total(rows) == Total(10, 10)


def test_repeated_advance_counts_nothing_twice(rows: Rows):
    published(rows, 1)
    advance(rows, 5)
    for _ in range(3):
        assert not advance(rows, 5)
    assert not advance(rows, 2)  # a clock that is behind
    assert total(rows) == Total(1, 1)


def test_overdue_unarmed_and_parked_counts_are_stored_above_the_limit(rows: Rows, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counts, "EXACT_LIMIT", 1)
    horizon = DUE + timedelta(days=1)
    for due in (DUE, DUE, horizon, horizon, horizon):
        rows.post("scheduled", next_attempt_at=due, message_id=None)
    with rows.db.transaction() as tx:
        for kind in statistics.large_kinds(DUE + MICROSECOND, horizon):
            counts.recount(tx, kind, START)
    rows.post("scheduled", next_attempt_at=DUE, message_id=None)
    found = figures(rows, DUE + MICROSECOND, horizon)
    assert (found.overdue, found.oldest, found.unarmed, found.parked) == (2, DUE, 2, 3)


def test_all_of_a_queue_overdue_leaves_the_next_due_instant_to_another_read(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(counts, "EXACT_LIMIT", 1)
    for _ in range(3):
        rows.post("scheduled", next_attempt_at=DUE)
    rows.post("scheduled", next_attempt_at=DUE + timedelta(hours=1))
    found = figures(rows, DUE + MICROSECOND)
    assert (found.overdue, found.upcoming, found.is_upcoming_known) == (3, None, False)
    monkeypatch.undo()
    found = figures(rows, DUE + MICROSECOND)
    assert (found.overdue, found.upcoming, found.is_upcoming_known) == (3, DUE + timedelta(hours=1), True)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_long_overdue_posts_are_those_of_the_read_for_them_alone(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, limit: int
):
    monkeypatch.setattr(counts, "EXACT_LIMIT", limit)
    edge = START - LONG_OVERDUE
    for due in (edge, edge - MICROSECOND, edge - timedelta(hours=1), edge - timedelta(days=2)):
        rows.post("scheduled", next_attempt_at=due)
    rows.post("draft", next_attempt_at=None)
    with rows.db.reading() as connection:
        wanted = alert_queries.long_overdue(connection, START)
        assert alert_queries.symptoms(connection, START).overdue == wanted
    assert wanted == Occurrences(3, edge - timedelta(days=2), edge - MICROSECOND)
    assert figures(rows).symptoms.overdue == wanted


def test_no_post_is_long_overdue_before_its_time(rows: Rows):
    rows.post("scheduled", next_attempt_at=START - LONG_OVERDUE)
    assert figures(rows).symptoms.overdue is None


def test_prune_during_a_read_does_not_lower_the_total(rows: Rows):
    published(rows, 1)
    published(rows, 2)
    pending = [True]

    def prune(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if pending and "FROM posts" in statement:
            pending.clear()
            advance(rows, 5)
            with rows.db.transaction() as tx:
                assert retention.prune_posts(tx, Status.PUBLISHED, later(5), 10) == 2

    event.listen(rows.db.engine, "before_cursor_execute", prune)
    assert total(rows).ever == 2
    assert total(rows) == Total(2, 0)
