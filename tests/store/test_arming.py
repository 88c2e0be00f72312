"""Arm counts and message ids: a changed row is armed only by the writer of the change."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.post import Post
from app.store.operations import alerts
from app.store.posts import arming, transitions
from tests.support.fakes import START
from tests.support.rows import DUE, Rows, later

NOW = later(3600)
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


def count_arming(rows: Rows, post: Post) -> list[Post]:
    with rows.db.transaction() as tx:
        return arming.count_arming(tx, [post.id], transitions.unchanged(post), now=NOW, swept=False)


def test_unchanged_row_may_be_armed_again(rows: Rows):
    post = rows.post("scheduled")
    assert [again.arm_count for again in count_arming(rows, post)] == [post.arm_count + 1]


@pytest.mark.parametrize(
    "moved", [{"generation": 4}, {"attempt": 1}, {"arm_count": 5}], ids=["scheduled", "claimed", "armed"]
)
def test_row_changed_since_the_read_is_not_armed(rows: Rows, moved: dict[str, Any]):
    post = rows.post("scheduled")
    rows.change(post, **moved)
    assert count_arming(rows, post) == []


def test_arming_is_counted_only_for_scheduled_posts_matching_the_condition(rows: Rows):
    post, other = rows.post("scheduled"), rows.post("scheduled", next_attempt_at=later(1, DUE))
    done = rows.post("failed")
    with rows.db.transaction() as tx:
        expected = arming.due_before(later(1, DUE))
        counted = arming.count_arming(tx, [post.id, other.id, done.id], expected, now=later(7), swept=True)
    assert counted == [rows.read(post)]
    assert (counted[0].arm_count, counted[0].message_id, counted[0].swept_at) == (5, None, later(7))
    assert rows.read(other) == other
    assert rows.read(done) == done


@pytest.mark.parametrize("other", [{"generation": 9}, {"arm_count": 9}, {"message_id": "msg_9"}, "draft"], ids=str)
def test_message_id_is_stored_only_for_an_unchanged_arming(rows: Rows, other: Any):
    seen, own = rows.post("scheduled", message_id=None), rows.post("scheduled", message_id=None)
    changes = {"status": "draft", "next_attempt_at": None} if other == "draft" else other
    row = rows.change(seen, **changes)
    with rows.db.transaction() as tx:
        assert arming.store_messages(tx, [(seen, "msg_7"), (own, "msg_8")]) == {own.id}
    assert rows.read(row) == row
    assert rows.read(own).message_id == "msg_8"


@pytest.mark.parametrize("other", [{"generation": 9}, {"arm_count": 9}, {"message_id": "msg_9"}, "draft"], ids=str)
def test_single_message_id_is_stored_only_for_an_unchanged_arming(rows: Rows, other: Any):
    seen, own = rows.post("scheduled", message_id=None), rows.post("scheduled", message_id=None)
    changes = {"status": "draft", "next_attempt_at": None} if other == "draft" else other
    row = rows.change(seen, **changes)
    with rows.db.autocommit() as connection:
        assert arming.store_message(connection, seen, "msg_7", ["loud"]) == (False, True)
        assert arming.store_message(connection, own, "msg_8", ["loud"]) == (True, False)
    assert rows.read(row) == row
    assert rows.read(own).message_id == "msg_8"


@pytest.mark.parametrize(
    ("kind", "subject", "alerted"), [("loud", "qstash", True), ("other", "qstash", False), ("loud", "n8n", False)]
)
def test_storing_a_message_id_reports_alerts_about_the_message_service(
    rows: Rows, kind: str, subject: str, alerted: bool
):
    post = rows.post("scheduled", message_id=None)
    with rows.db.transaction() as tx:
        alerts.raise_alert(tx, kind, subject, "", START)
    with rows.db.autocommit() as connection:
        assert arming.store_message(connection, post, "msg_7", ["quiet", "loud"]) == (True, alerted)


def test_storing_a_message_id_commits_asynchronously_and_later_transactions_do_not(postgresql_url: str):
    rows = Rows(postgresql_url)
    setting = sa.text("SELECT current_setting('synchronous_commit')")
    with rows.db.transaction() as tx:
        tx.execute(sa.text("SET synchronous_commit = on"))
    post = rows.post("scheduled", message_id=None)
    with rows.db.transaction() as tx:
        assert arming.store_message(tx, post, "msg_7", []) == (True, False)
        assert tx.execute(setting).scalar() == "off"
    with rows.db.transaction() as tx:
        assert tx.execute(setting).scalar() == "on"
    rows.close()


def test_each_of_many_message_ids_is_stored_with_its_own_post(rows: Rows):
    posts = [rows.post("scheduled", message_id=None) for _ in range(5)]
    with rows.db.transaction() as tx:
        kept = arming.store_messages(tx, [(post, f"msg_of_{post.id}") for post in posts])
    assert kept == {post.id for post in posts}
    assert [rows.read(post).message_id for post in posts] == [f"msg_of_{post.id}" for post in posts]


def test_message_id_is_removed_only_if_it_is_the_current_one(rows: Rows):
    post = rows.post("scheduled")
    with rows.db.transaction() as tx:
        assert not arming.forget_message(tx, post.id, "msg_2")
        assert not arming.forget_message(tx, UNKNOWN_ID, "msg_1")
    assert rows.read(post) == post
    with rows.db.transaction() as tx:
        assert arming.forget_message(tx, post.id, "msg_1")
    assert rows.read(post).message_id is None
