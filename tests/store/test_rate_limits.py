"""Windows of rate limits: one statement per call, new windows by the clock passed in, pruning."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.domain.times import CLOCK_TOLERANCE
from app.store.operations import rate_limits
from app.store.operations.rate_limits import Window
from app.store.schema.tables import rate_limits as table
from tests.support.databases import record_statements
from tests.support.fakes import START
from tests.support.rows import MICROSECOND, SECOND, Rows

MINUTE = timedelta(minutes=1)


def hit(rows: Rows, now: datetime = START, key: str = "user:ann", amount: int = 1) -> Window:
    with rows.db.autocommit() as connection:
        return rate_limits.hit(connection, key, amount, now, MINUTE)


def read(rows: Rows, now: datetime = START) -> Window | None:
    with rows.db.reading() as connection:
        return rate_limits.read(connection, "user:ann", now)


def test_calls_add_up_within_a_window_and_keep_its_end(rows: Rows):
    assert hit(rows) == Window(1, START + MINUTE)
    assert hit(rows, START + 59 * SECOND) == Window(2, START + MINUTE)
    assert hit(rows, START + 59 * SECOND, amount=3) == Window(5, START + MINUTE)
    assert hit(rows, key="user:bob") == Window(1, START + MINUTE)
    assert read(rows) == Window(5, START + MINUTE)


def test_call_at_the_end_of_a_window_begins_a_new_one(rows: Rows):
    hit(rows)
    assert hit(rows, START + MINUTE - MICROSECOND).hits == 2
    assert read(rows, START + MINUTE) is None
    assert hit(rows, START + MINUTE) == Window(1, START + 2 * MINUTE)


def test_a_call_is_one_statement(rows: Rows):
    with record_statements(rows.db.engine, "") as seen:
        hit(rows)
        hit(rows)
    assert [statement.split()[0] for statement in seen if not statement.startswith("BEGIN")] == ["INSERT", "INSERT"]


def test_window_of_a_clock_ahead_is_over_at_once_and_that_of_a_slightly_fast_worker_is_shared(rows: Rows):
    hit(rows, START + CLOCK_TOLERANCE)
    assert hit(rows).hits == 2
    hit(rows, START + timedelta(days=1))
    assert hit(rows) == Window(1, START + MINUTE)


def test_key_is_stored_as_a_hash(rows: Rows):
    hit(rows, key="address:192.0.2.1")
    hit(rows, key="user:" + "x" * 255)
    with rows.db.reading() as connection:
        keys = list(connection.execute(sa.select(table.c.key)).scalars())
    assert [len(key) for key in keys] == [64, 64]
    assert not [key for key in keys if "192" in key[:3] or "x" in key]


def test_prune_deletes_ended_windows_oldest_first_and_those_of_a_clock_ahead(rows: Rows):
    for number in range(4):
        hit(rows, START + number * SECOND, f"user:{number}")
    hit(rows, START + timedelta(days=9), "user:ahead")
    with rows.db.transaction() as tx:
        assert rate_limits.prune(tx, START + MINUTE + SECOND, 1) == 1
        assert rate_limits.prune(tx, START + MINUTE + SECOND, 10) == 2
        assert rate_limits.prune(tx, START + MINUTE + SECOND, 10) == 0
    with rows.db.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 2


def test_clear_forgets_one_key_or_all(rows: Rows):
    for key in ("user:ann", "user:bob", "user:cid"):
        hit(rows, key=key)
    with rows.db.transaction() as tx:
        rate_limits.clear(tx, "user:bob")
        assert tx.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 2
        rate_limits.clear(tx, None)
        assert tx.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0
