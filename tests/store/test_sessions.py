"""Each PostgreSQL session: UTC and our time limits, after every reset of the pool, and none during migrations."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Locked, Unavailable
from app.store.engine import Connection, Database, TimeLimits, make_engine
from app.store.schema.tables import posts
from tests.support.rows import Rows

LIMITS = TimeLimits(lock=0.05, statement=0.5, idle_transaction=0.2)
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.fixture
def limited(postgresql_url: str) -> Iterator[Database]:
    made = Database(make_engine(postgresql_url, LIMITS))
    yield made
    made.close()


def shown(connection: Connection) -> list[Any]:
    names = ("timezone", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    return [connection.execute(sa.text(f"SHOW {name}")).scalar() for name in names]


def test_session_has_utc_and_the_limits_after_rollbacks_and_resets(limited: Database):
    def fail() -> None:
        with limited.transaction():
            raise InterruptedError("planned failure")

    for _ in range(2):
        with limited.transaction() as tx:
            assert shown(tx) == ["UTC", "50ms", "500ms", "200ms"]
        with pytest.raises(InterruptedError):
            fail()
        with limited.reading() as connection:
            assert shown(connection) == ["UTC", "50ms", "500ms", "200ms"]


def test_session_without_limits_has_utc_and_waits_for_ever(postgresql_url: str):
    database = Database(make_engine(postgresql_url))
    with database.reading() as connection:
        assert shown(connection) == ["UTC", "0", "0", "0"]
    database.close()


def test_instants_of_the_first_and_last_year_are_read_back(postgresql_url: str):
    rows = Rows(postgresql_url)
    for instant in (FIRST, LAST):
        assert rows.post("scheduled", scheduled_at=instant).scheduled_at == instant
    rows.close()


def test_new_connection_is_prepared_in_one_round_trip(limited: Database, postgresql_url: str):
    last = sa.text("SELECT query FROM pg_stat_activity WHERE pid = :pid")
    other = Database(make_engine(postgresql_url))
    with limited.reading() as connection, other.reading() as observer:
        driver: Any = connection.connection.driver_connection
        query = observer.execute(last, {"pid": driver.get_backend_pid()}).scalar_one()
    assert query.count("SET ") == 4
    other.close()


def test_wait_for_a_locked_row_ends_as_locked(limited: Database, postgresql_url: str):
    rows = Rows(postgresql_url)
    post = rows.post("draft")

    def change() -> None:
        with limited.transaction() as tx:
            tx.execute(sa.update(posts).values(content="x"))

    with rows.db.transaction() as holder:
        holder.execute(sa.select(posts).with_for_update())
        with pytest.raises(Locked):
            change()
    change()
    assert rows.read(post).content == "x"
    rows.close()


def test_long_statement_ends_as_unavailable(limited: Database):
    def sleep() -> None:
        with limited.reading() as connection:
            connection.execute(sa.text("SELECT pg_sleep(30)"))

    with pytest.raises(Unavailable) as refused:
        sleep()
    assert not isinstance(refused.value, Locked)


def test_transaction_of_a_frozen_process_ends_and_frees_its_rows(limited: Database, postgresql_url: str):
    rows = Rows(postgresql_url)
    post = rows.post("draft")

    def freeze() -> None:
        with limited.transaction() as tx:
            tx.execute(sa.update(posts).values(content="half-done"))
            rows.change(post, content="free")  # it waits until the server ends the other transaction
            tx.execute(sa.text("SELECT 1"))

    with pytest.raises(Unavailable):
        freeze()
    assert rows.read(post).content == "free"
    rows.close()
