"""The other posts of an account around an instant: selection, limit and indexes."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.post import Post
from app.store.posts import pacing, warnings
from app.store.schema.tables import new_id
from tests.support.databases import record_statements
from tests.support.rows import DUE, MICROSECOND, Rows

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


HASH = 7


def found(rows: Rows, post: Post) -> list[tuple[str, bool]]:
    with rows.db.reading() as connection:
        return [(other.id, other.same_text) for other in warnings.nearby_posts(connection, post, DUE, DAY, MINUTE)]


def same_text(rows: Rows, post: Post) -> list[str]:
    return [id for id, same in found(rows, post) if same]


@pytest.mark.parametrize("status", ["draft", "scheduled", "publishing", "published", "failed", "cancelled"])
def test_only_scheduled_publishing_and_published_posts_are_found(rows: Rows, status: str):
    post, other = rows.post("scheduled", content_hash=HASH), rows.post(status, scheduled_at=DUE, content_hash=HASH)
    goes_out = status in ("scheduled", "publishing", "published")
    assert found(rows, post) == ([(other.id, True), (other.id, False)] if goes_out else [])


def test_posts_of_other_accounts_and_the_post_itself_are_not_found(rows: Rows):
    post = rows.post("scheduled", content_hash=HASH)
    rows.post("scheduled", content_hash=HASH, social_account_id=new_id())
    rows.post("scheduled", content_hash=HASH, social_account_id=None)
    assert found(rows, post) == []


def test_both_bounds_are_included(rows: Rows):
    post = rows.post("scheduled", content_hash=HASH)
    inside = [rows.post("published", scheduled_at=DUE + offset, content_hash=HASH).id for offset in (-DAY, DAY)]
    for offset in (-DAY - MICROSECOND, DAY + MICROSECOND):
        rows.post("published", scheduled_at=DUE + offset, content_hash=HASH)
    assert found(rows, post) == [(id, True) for id in inside]


def test_the_nearest_on_each_side_are_found_of_any_number(rows: Rows):
    post = rows.post("scheduled", content_hash=HASH)
    for minutes in range(-5, 6):
        rows.post("published", scheduled_at=DUE + timedelta(seconds=30, minutes=minutes))
    same = {
        hours: rows.post("published", scheduled_at=DUE + timedelta(hours=hours), content_hash=HASH).id
        for hours in range(-5, 6)
        if hours
    }
    assert same_text(rows, post) == [same[-1], same[1]]
    assert len(found(rows, post)) == 4


def test_a_post_without_a_hash_equals_no_other_text(rows: Rows):
    post = rows.post("scheduled")
    other = rows.post("scheduled")
    assert found(rows, post) == [(other.id, False)]


def test_no_text_is_read_for_the_warnings(rows: Rows):
    post = rows.post("scheduled", content_hash=HASH)
    with record_statements(rows.db.engine, "SELECT") as sent:
        found(rows, post)
    assert len(sent) == 1
    assert re.search(r"posts\.content\b(?!_)", sent[0]) is None


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


def test_nearby_posts_are_read_by_the_indexes_of_account_text_and_time(rows: Rows):
    post = rows.post("scheduled", content_hash=HASH)
    plan = plan_of(rows, lambda tx: warnings.nearby_posts(tx, post, DUE, DAY, MINUTE))
    assert plan.count("ix_posts_account_text") == 2, plan
    assert plan.count("ix_posts_account_t") == 4, plan


def test_posts_waiting_for_their_turn_are_read_by_their_own_index(rows: Rows):
    post = rows.post("scheduled")
    other = rows.post("scheduled", error_code="spaced")
    plan = plan_of(rows, lambda tx: pacing.waiting(tx, post, DUE - DAY))
    assert "ix_posts_paced" in plan, plan
    with rows.db.reading() as connection:
        assert pacing.waiting(connection, post, DUE - DAY) == [DUE]
        assert pacing.waiting(connection, other, DUE - DAY) == []
