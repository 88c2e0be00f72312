"""An alarm is set anew only for the row as it was read: whatever moved meanwhile, the one who moved it arms it."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.post import Post
from app.store.posts import arming, transitions
from tests.support.rows import DUE, Rows, later
from tests.support.rows import claim as rows_claim

NOW = later(3600)


def counted(rows: Rows, post: Post) -> list[Post]:
    with rows.db.transaction() as tx:
        return arming.count_arming(tx, [post.id], transitions.unchanged(post), now=NOW, swept=False)


def test_an_unchanged_row_may_be_armed_anew(rows: Rows):
    post = rows.post("scheduled")
    assert [again.arm_count for again in counted(rows, post)] == [post.arm_count + 1]


@pytest.mark.parametrize(
    "moved", [{"generation": 4}, {"attempt": 1}, {"arm_count": 5}], ids=["again", "tried", "armed"]
)
def test_a_row_that_moved_is_not_armed_by_who_read_it_before(rows: Rows, moved: dict[str, Any]):
    post = rows.post("scheduled")
    rows.change(post, **moved)
    assert counted(rows, post) == []


def test_lateness_is_measured_to_the_microsecond(rows: Rows):
    post = rows.post("scheduled")
    with rows.db.transaction() as tx:
        rows_claim(
            tx,
            post,
            now=DUE + timedelta(microseconds=1_234),
            lease_until=later(9999),
            trigger="message",
            sending=True,
        )
    assert [attempt.lateness_ms for attempt in rows.attempts(post)] == [1.234]
