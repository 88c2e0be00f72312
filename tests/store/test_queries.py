"""The reads: pages that neither repeat nor leave out, and what the sweep looks for, exactly at the edges."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.post import Post
from app.store.operations import alerts
from app.store.posts import arming, queries
from app.store.posts.queries import PostFilter
from tests.support.fakes import START
from tests.support.rows import DUE, LEASE, MICROSECOND, Rows, later

NOBODY = "00000000-0000-4000-8000-000000000000"


def pages(rows: Rows, limit: int, wanted: PostFilter | None = None) -> list[list[str]]:
    found: list[list[str]] = []
    after = None
    while True:
        with rows.db.reading() as connection:
            batch = queries.page(connection, "user-1", wanted or PostFilter(), limit, after)
        if not batch:
            return found
        found.append([post.id for post in batch])
        after = (batch[-1].created_at, batch[-1].id)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_show_every_post_once_newest_first_also_those_of_one_instant(rows: Rows, limit: int):
    posts = [rows.post("draft", created_at=later(n // 3)) for n in range(7)]
    expected = [post.id for post in sorted(posts, key=lambda p: (p.created_at, p.id), reverse=True)]
    found = pages(rows, limit)
    assert [one for page in found for one in page] == expected
    assert all(len(page) == limit for page in found[:-1])


def test_pages_show_no_other_users_posts(rows: Rows):
    rows.post("draft", user_id="user-2")
    mine = rows.post("draft")
    assert pages(rows, 10) == [[mine.id]]


def test_a_post_that_is_written_while_somebody_pages_does_not_shift_the_rest(rows: Rows):
    posts = [rows.post("draft", created_at=later(n)) for n in range(4)]
    with rows.db.reading() as connection:
        first = queries.page(connection, "user-1", PostFilter(), 2, None)
    rows.post("draft", created_at=later(99))
    with rows.db.reading() as connection:
        rest = queries.page(connection, "user-1", PostFilter(), 2, (first[-1].created_at, first[-1].id))
    assert [p.id for p in first + rest] == [p.id for p in reversed(posts)]


@pytest.mark.parametrize(
    ("wanted", "status", "values"),
    [
        ({"status": "failed"}, "failed", {}),
        ({"platform": "facebook"}, "scheduled", {"platform": "facebook"}),
        ({"client_id": NOBODY}, "scheduled", {"client_id": NOBODY}),
        ({"start": DUE, "end": DUE + MICROSECOND}, "scheduled", {"scheduled_at": DUE}),
    ],
    ids=["status", "platform", "client", "time"],
)
def test_a_filter_shows_what_it_names_and_nothing_else(
    rows: Rows, wanted: dict[str, Any], status: str, values: dict[str, Any]
):
    other = rows.post("scheduled", scheduled_at=DUE + MICROSECOND)
    rows.post("scheduled", scheduled_at=DUE - MICROSECOND)
    match = rows.post(status, **values)
    assert pages(rows, 10, PostFilter(**wanted)) == [[match.id]]
    assert other.id not in pages(rows, 10, PostFilter(**wanted))[0]


def ids(posts: list[Post]) -> set[str]:
    return {post.id for post in posts}


def test_expired_is_publishing_past_the_lease_and_nothing_else(rows: Rows):
    over = rows.post("publishing", lease_until=LEASE - MICROSECOND)
    rows.post("publishing", lease_until=LEASE)
    for status in ("draft", "scheduled", "published", "failed", "cancelled"):
        rows.post(status)
    with rows.db.reading() as connection:
        assert ids(queries.expired(connection, LEASE, 10, None)) == {over.id}


def test_overdue_is_scheduled_due_before_and_not_given_away_since(rows: Rows):
    before, swept_before = DUE, later(300)
    wanted = [
        rows.post("scheduled", next_attempt_at=DUE - MICROSECOND),
        rows.post("scheduled", next_attempt_at=DUE - MICROSECOND, message_id=None),
        rows.post("scheduled", next_attempt_at=START, swept_at=swept_before - MICROSECOND),
    ]
    rows.post("scheduled", next_attempt_at=DUE)
    rows.post("scheduled", next_attempt_at=START, swept_at=swept_before)
    for status in ("draft", "publishing", "published", "failed", "cancelled"):
        rows.post(status)
    with rows.db.reading() as connection:
        assert ids(queries.overdue(connection, before, swept_before, 10, None)) == ids(wanted)
        assert queries.count_overdue(connection, before, swept_before) == 3


def test_unarmed_is_scheduled_in_the_window_without_a_message_and_left_alone_for_a_while(rows: Rows):
    start, end, settled = DUE, LEASE, later(60)
    bare = {"message_id": None, "updated_at": settled}
    wanted = [
        rows.post("scheduled", next_attempt_at=start, **bare),
        rows.post("scheduled", next_attempt_at=end - MICROSECOND, **bare),
    ]
    rows.post("scheduled", next_attempt_at=start - MICROSECOND, **bare)
    rows.post("scheduled", next_attempt_at=end, **bare)
    rows.post("scheduled", next_attempt_at=start, updated_at=settled)
    rows.post("scheduled", next_attempt_at=start, message_id=None, updated_at=settled + MICROSECOND)
    for status in ("draft", "publishing", "published", "failed", "cancelled"):
        rows.post(status, updated_at=settled)
    with rows.db.reading() as connection:
        assert ids(queries.unarmed(connection, start, end, settled, 10, None)) == ids(wanted)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_the_sweeps_batches_show_every_row_once_oldest_first_also_those_of_one_instant(rows: Rows, limit: int):
    posts = [rows.post("scheduled", next_attempt_at=later(n // 2)) for n in range(5)]
    found, after = [], None
    with rows.db.reading() as connection:
        while batch := queries.overdue(connection, DUE, DUE, limit, after):
            found += [post.id for post in batch]
            after = (batch[-1].next_attempt_at or DUE, batch[-1].id)
    assert found == [post.id for post in sorted(posts, key=lambda p: (p.next_attempt_at, p.id))]


def test_a_post_is_its_users_alone(rows: Rows):
    post = rows.post("draft")
    with rows.db.reading() as connection:
        assert queries.post_by_id(connection, post.id, "user-1") == post
        assert queries.post_by_id(connection, post.id, "user-2") is None
        assert queries.post_by_id(connection, NOBODY) is None


def test_the_next_instant_is_the_nearest_that_has_not_come(rows: Rows):
    for seconds in (-1, 5, 3):
        rows.post("scheduled", next_attempt_at=later(seconds, DUE))
    with rows.db.reading() as connection:
        assert queries.next_scheduled_at(connection, DUE) == later(3, DUE)
        assert queries.next_scheduled_at(connection, later(3, DUE)) == later(3, DUE)
        assert queries.next_scheduled_at(connection, later(9, DUE)) is None


def test_counting_an_arming_needs_a_scheduled_post_and_its_guard(rows: Rows):
    post, other = rows.post("scheduled"), rows.post("scheduled", next_attempt_at=later(1, DUE))
    done = rows.post("failed")
    with rows.db.transaction() as tx:
        guard = arming.due_before(later(1, DUE))
        counted = arming.count_arming(tx, [post.id, other.id, done.id], guard, now=later(7), swept=True)
    assert counted == [rows.read(post)]
    assert (counted[0].arm_count, counted[0].message_id, counted[0].swept_at) == (5, None, later(7))
    assert rows.read(other) == other
    assert rows.read(done) == done


@pytest.mark.parametrize("other", [{"generation": 9}, {"arm_count": 9}, {"message_id": "msg_9"}, "draft"], ids=str)
def test_a_message_id_is_kept_only_where_the_arming_is_still_the_rows_own(rows: Rows, other: Any):
    seen, own = rows.post("scheduled", message_id=None), rows.post("scheduled", message_id=None)
    changes = {"status": "draft", "next_attempt_at": None} if other == "draft" else other
    row = rows.change(seen, **changes)
    with rows.db.transaction() as tx:
        assert arming.store_messages(tx, [(seen, "msg_7"), (own, "msg_8")]) == {own.id}
    assert rows.read(row) == row
    assert rows.read(own).message_id == "msg_8"


@pytest.mark.parametrize("other", [{"generation": 9}, {"arm_count": 9}, {"message_id": "msg_9"}, "draft"], ids=str)
def test_one_message_id_by_itself_is_kept_under_the_same_condition(rows: Rows, other: Any):
    seen, own = rows.post("scheduled", message_id=None), rows.post("scheduled", message_id=None)
    changes = {"status": "draft", "next_attempt_at": None} if other == "draft" else other
    row = rows.change(seen, **changes)
    with rows.db.autocommit() as connection:
        assert arming.store_message(connection, seen, "msg_7", ["loud"]) == (False, True)
        assert arming.store_message(connection, own, "msg_8", ["loud"]) == (True, False)
    assert rows.read(row) == row
    assert rows.read(own).message_id == "msg_8"


@pytest.mark.parametrize(
    ("kind", "subject", "told"), [("loud", "qstash", True), ("other", "qstash", False), ("loud", "n8n", False)]
)
def test_whoever_keeps_a_message_id_is_told_of_alerts_about_the_message_service(
    rows: Rows, kind: str, subject: str, told: bool
):
    post = rows.post("scheduled", message_id=None)
    with rows.db.transaction() as tx:
        alerts.raise_alert(tx, kind, subject, "", START)
    with rows.db.autocommit() as connection:
        assert arming.store_message(connection, post, "msg_7", ["quiet", "loud"]) == (True, told)


def test_the_disk_is_not_waited_for_when_an_id_is_kept_and_is_for_all_that_follows(postgresql_url: str):
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


def test_each_of_many_message_ids_is_kept_with_its_own_post(rows: Rows):
    posts = [rows.post("scheduled", message_id=None) for _ in range(5)]
    with rows.db.transaction() as tx:
        kept = arming.store_messages(tx, [(post, f"msg_of_{post.id}") for post in posts])
    assert kept == ids(posts)
    assert [rows.read(post).message_id for post in posts] == [f"msg_of_{post.id}" for post in posts]


def test_a_lost_alarm_is_forgotten_only_if_it_is_the_one_the_row_waits_for(rows: Rows):
    post = rows.post("scheduled")
    with rows.db.transaction() as tx:
        assert not arming.forget_message(tx, post.id, "msg_2")
        assert not arming.forget_message(tx, NOBODY, "msg_1")
    assert rows.read(post) == post
    with rows.db.transaction() as tx:
        assert arming.forget_message(tx, post.id, "msg_1")
    assert rows.read(post).message_id is None
