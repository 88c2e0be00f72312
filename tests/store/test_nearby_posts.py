"""The other posts of an account around an instant: selection, limit and index."""

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
def test_only_scheduled_publishing_and_published_posts_are_found(rows: Rows, status: str):
    post, other = rows.post("scheduled"), rows.post(status, scheduled_at=DUE)
    assert found(rows, post) == ([other.id] if status in ("scheduled", "publishing", "published") else [])


def test_posts_of_other_accounts_and_the_post_itself_are_not_found(rows: Rows):
    post = rows.post("scheduled")
    rows.post("scheduled", social_account_id=new_id())
    rows.post("scheduled", social_account_id=None)
    assert found(rows, post) == []


def test_both_bounds_are_included(rows: Rows):
    post = rows.post("scheduled")
    inside = [rows.post("published", scheduled_at=DUE + offset).id for offset in (-DAY, DAY)]
    for offset in (-DAY - MICROSECOND, DAY + MICROSECOND):
        rows.post("published", scheduled_at=DUE + offset)
    assert found(rows, post) == inside


def test_above_the_limit_the_nearest_on_each_side_are_kept(rows: Rows):
    post = rows.post("scheduled")
    at = {minutes: rows.post("published", scheduled_at=DUE + timedelta(minutes=minutes)).id for minutes in range(-5, 6)}
    assert set(found(rows, post, limit=2)) == {at[-1], at[-2], at[0], at[1]}


def plan_of(rows: Rows, ask: Callable[[sa.Connection], Any]) -> str:
    """Return the plans of the statements of `ask`.

    Sequential scans are off on PostgreSQL, which would scan such a small table.
    """
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


def test_nearby_posts_are_read_by_the_index_of_account_and_time(rows: Rows):
    post = rows.post("scheduled")
    plan = plan_of(rows, lambda tx: warnings.nearby_posts(tx, post, DUE, DAY, 10))
    assert plan.count("ix_posts_account_time") == 2, plan


def test_posts_waiting_for_their_turn_are_read_by_their_own_index(rows: Rows):
    post = rows.post("scheduled")
    other = rows.post("scheduled", error_code="spaced")
    plan = plan_of(rows, lambda tx: pacing.waiting(tx, post, DUE - DAY))
    assert "ix_posts_paced" in plan, plan
    with rows.db.reading() as connection:
        assert pacing.waiting(connection, post, DUE - DAY) == [DUE]
        assert pacing.waiting(connection, other, DUE - DAY) == []
