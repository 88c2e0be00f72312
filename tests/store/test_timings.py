"""The percentiles of the status route: lateness, n8n's answers and reports, alarms, publications."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.domain.post import Post
from app.store.operations import timings
from app.store.operations.timings import SAMPLE, Percentiles
from tests.support.databases import record_statements
from tests.support.rows import DUE, Rows

MICROSECOND = timedelta(microseconds=1)
NONE = Percentiles()


def ms(milliseconds: float, at: datetime = DUE) -> datetime:
    return at + timedelta(milliseconds=milliseconds)


def read(rows: Rows) -> dict[str, Percentiles]:
    with rows.db.reading() as connection:
        return timings.read(connection, DUE)


def published(rows: Rows, late_ms: float, **values: Any) -> Post:
    row = {"published_at": ms(late_ms), "scheduled_at": DUE, "updated_at": ms(late_ms)} | values
    return rows.change(rows.post("published"), **row)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (None, None, None, None, 0)),
        ([7.0], (7.0, 7.0, 7.0, 7.0, 1)),
        ([2.0, 1.0], (1.0, 2.0, 2.0, 2.0, 2)),
        ([float(n) for n in range(20, 0, -1)], (10.0, 19.0, 20.0, 20.0, 20)),
    ],
    ids=["none", "one", "two", "twenty"],
)
def test_percentiles_are_by_nearest_rank(rows: Rows, values: list[float], expected: tuple[Any, ...]):
    for value in values:
        rows.attempt(rows.post("publishing"), 1, lateness_ms=value)
    assert read(rows)["lateness"] == Percentiles(*expected)


def test_lateness_covers_only_sent_first_attempts_in_the_window(rows: Rows):
    post = rows.post("publishing", attempt=3)
    rows.attempt(post, 1, lateness_ms=5.0)
    rows.attempt(post, 2, lateness_ms=120_000.0)
    rows.attempt(rows.post("publishing"), 1, lateness_ms=None, sent_at=None)
    rows.attempt(rows.post("publishing"), 1, lateness_ms=999.0, started_at=DUE - MICROSECOND)
    assert (read(rows)["lateness"].max, read(rows)["lateness"].count) == (5.0, 1)


def test_answer_counts_from_the_send_and_report_from_the_answer_to_the_microsecond(rows: Rows):
    times = {"sent_at": ms(0.5), "accepted_at": ms(41.623), "reported_at": ms(3041.624)}
    rows.attempt(rows.post("publishing"), 1, **times)
    found = read(rows)
    assert found["answer"] == Percentiles(41.123, 41.123, 41.123, 41.123, 1)
    assert found["report"] == Percentiles(3000.001, 3000.001, 3000.001, 3000.001, 1)


def test_attempts_without_an_answer_a_report_or_an_alarm_are_left_out(rows: Rows):
    rows.attempt(rows.post("publishing"), 1, lateness_ms=1.0)
    rows.attempt(rows.post("publishing"), 1, accepted_at=ms(10), alarm_late_ms=2.5)
    found = read(rows)
    assert (found["answer"].count, found["report"], found["alarm"].p99) == (1, NONE, 2.5)


def test_times_cover_later_attempts_too_and_only_those_of_the_window(rows: Rows):
    post = rows.post("publishing", attempt=2)
    rows.attempt(post, 2, accepted_at=ms(10))
    rows.attempt(post, 1, accepted_at=ms(99), started_at=DUE - MICROSECOND)
    assert (read(rows)["answer"].max, read(rows)["answer"].count) == (10.0, 1)


def test_published_lateness_counts_from_the_promise_of_published_posts_in_the_window(rows: Rows):
    for late_ms in (1500.25, 250.0):
        published(rows, late_ms)
    published(rows, 9.0, updated_at=DUE - MICROSECOND)
    rows.post("publishing")
    assert read(rows)["published"] == Percentiles(250.0, 1500.25, 1500.25, 1500.25, 2)


def test_only_the_latest_rows_are_ranked(rows: Rows, monkeypatch: pytest.MonkeyPatch):
    assert SAMPLE == 1_000
    for number in range(3):
        rows.attempt(rows.post("publishing"), 1, lateness_ms=float(number), started_at=ms(number))
    assert read(rows)["lateness"].count == 3


def test_all_percentiles_are_one_statement(rows: Rows):
    with record_statements(rows.db.engine, "") as seen:
        assert read(rows) == dict.fromkeys(timings.NAMES, NONE)
    assert len([statement for statement in seen if "percentile" in statement or "row_number" in statement]) == 1
