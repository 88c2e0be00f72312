"""The other posts of an account around an instant: which are found, how many, and by which index."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.post import Post
from app.store.posts import pacing, warnings
from app.store.schema.tables import new_id
from tests.support.rows import DUE, MICROSECOND, Rows

DAY = timedelta(days=1)


def found(rows: Rows, post: Post, limit: int = 10) -> list[str]:
    with rows.db.reading() as connection:
        return [other.id for other in warnings.nearby_posts(connection, post, DUE, DAY, limit)]


@pytest.mark.parametrize("status", ["draft", "scheduled", "publishing", "published", "failed", "cancelled"])
def test_only_what_goes_out_or_went_out_counts(rows: Rows, status: str):
    post, other = rows.post("scheduled"), rows.post(status, scheduled_at=DUE)
    assert found(rows, post) == ([other.id] if status in ("scheduled", "publishing", "published") else [])


def test_another_accounts_posts_and_the_post_itself_do_not_count(rows: Rows):
    post = rows.post("scheduled")
    rows.post("scheduled", social_account_id=new_id())
    rows.post("scheduled", social_account_id=None)
    assert found(rows, post) == []


def test_the_bounds_on_either_side_belong_to_it(rows: Rows):
    post = rows.post("scheduled")
    inside = [rows.post("published", scheduled_at=DUE + offset).id for offset in (-DAY, DAY)]
    for offset in (-DAY - MICROSECOND, DAY + MICROSECOND):
        rows.post("published", scheduled_at=DUE + offset)
    assert found(rows, post) == inside


def test_the_nearest_on_either_side_are_kept(rows: Rows):
    post = rows.post("scheduled")
    at = {minutes: rows.post("published", scheduled_at=DUE + timedelta(minutes=minutes)).id for minutes in range(-5, 6)}
    assert set(found(rows, post, limit=2)) == {at[-1], at[-2], at[0], at[1]}


def plan_of(rows: Rows, ask: Callable[[sa.Connection], Any]) -> str:
    """What the database says about how it answers; on PostgreSQL, which would read so small a table whole, if it may
    not."""
    plan: list[str] = []
    with rows.db.transaction() as tx:
        prefix = "EXPLAIN QUERY PLAN " if tx.dialect.name == "sqlite" else "EXPLAIN "
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")

        def explain(_connection, _cursor, statement, parameters, _context, _many):
            if not statement.startswith("EXPLAIN"):
                plan.extend(str(row) for row in tx.exec_driver_sql(prefix + statement, parameters))
            return statement, parameters

        sa.event.listen(tx, "before_cursor_execute", explain, retval=True)
        ask(tx)
        sa.event.remove(tx, "before_cursor_execute", explain)
    return "\n".join(plan)


def test_they_are_found_by_the_index_of_account_and_time(rows: Rows):
    post = rows.post("scheduled")
    plan = plan_of(rows, lambda tx: warnings.nearby_posts(tx, post, DUE, DAY, 10))
    assert plan.count("ix_posts_account_time") == 2, plan


def test_those_who_wait_for_their_turn_are_found_by_an_index_of_their_own(rows: Rows):
    post = rows.post("scheduled")
    other = rows.post("scheduled", error_code="spaced")
    plan = plan_of(rows, lambda tx: pacing.waiting(tx, post, DUE - DAY))
    assert "ix_posts_paced" in plan, plan
    with rows.db.reading() as connection:
        assert pacing.waiting(connection, post, DUE - DAY) == [DUE]
        assert pacing.waiting(connection, other, DUE - DAY) == []
