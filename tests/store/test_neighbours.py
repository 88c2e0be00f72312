"""The other posts of an account around an instant: which are found, how many, and by which index."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.domain.post import Post
from app.store import guards
from app.store.models import new_id
from tests.support.rows import DUE, MICROSECOND, Rows

DAY = timedelta(days=1)


def found(rows: Rows, post: Post, limit: int = 10) -> list[str]:
    with rows.db.reading() as connection:
        return [other.id for other in guards.neighbours(connection, post, DUE, DAY, limit)]


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


def test_they_are_found_by_the_index_of_account_and_time(rows: Rows):
    post = rows.post("scheduled")
    with rows.db.transaction() as tx:
        statements: list[str] = []

        def explain(_connection, _cursor, statement, parameters, _context, _many):
            if not statement.startswith(("EXPLAIN", "SET")):
                statements.append(statement)
                prefix = "EXPLAIN QUERY PLAN " if tx.dialect.name == "sqlite" else "EXPLAIN "
                plan.extend(str(row) for row in tx.exec_driver_sql(prefix + statement, parameters))
            return statement, parameters

        plan: list[str] = []
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        sa.event.listen(tx, "before_cursor_execute", explain, retval=True)
        guards.neighbours(tx, post, DUE, DAY, 10)
        sa.event.remove(tx, "before_cursor_execute", explain)
    assert len(statements) == 1
    assert sum("ix_posts_account_time" in line for line in plan) == 2, plan
