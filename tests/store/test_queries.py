"""Reads of posts: complete pages without repeats, and the sweep's queries exactly at their bounds."""

from typing import Any

import pytest

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.domain.post_lists import Part, Place, PostFilter
from app.store.engine import Connection
from app.store.posts import backlog, queries
from app.store.posts import pages as listing
from app.store.posts.backlog import Backlog
from tests.support.fakes import START
from tests.support.rows import DUE, LEASE, MICROSECOND, Rows, later

LATER = later(9_999)
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


def pages(rows: Rows, limit: int, wanted: PostFilter | None = None) -> list[list[str]]:
    found: list[list[str]] = []
    place: Place | None = Place(LATER)
    while place is not None:
        with rows.db.reading() as connection:
            batch, place = listing.page(connection, "user-1", wanted or PostFilter(), limit, place)
        found.append([post.id for post in batch])
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_show_every_post_once_newest_first_with_equal_instants_too(rows: Rows, limit: int):
    posts = [rows.post("draft", created_at=later(n // 3)) for n in range(7)]
    expected = [post.id for post in sorted(posts, key=lambda p: (p.created_at, p.id), reverse=True)]
    found = pages(rows, limit)
    assert [one for page in found for one in page] == expected
    assert all(len(page) == limit for page in found[:-1])


def test_pages_show_no_posts_of_other_users(rows: Rows):
    rows.post("draft", user_id="user-2")
    mine = rows.post("draft")
    assert pages(rows, 10) == [[mine.id]]


def test_post_created_between_two_pages_does_not_shift_the_second(rows: Rows):
    posts = [rows.post("draft", created_at=later(n)) for n in range(4)]
    with rows.db.reading() as connection:
        first, more = listing.page(connection, "user-1", PostFilter(), 2, Place(LATER))
    rows.post("draft", created_at=later(99))
    with rows.db.reading() as connection:
        rest, no_more = listing.page(connection, "user-1", PostFilter(), 2, more or Place(LATER))
    assert [p.id for p in first + rest] == [p.id for p in reversed(posts)]
    assert (more, no_more) == (Place(LATER, Part.MAIN, first[-1].created_at, first[-1].id), None)


@pytest.mark.parametrize(
    ("wanted", "status", "values"),
    [
        ({"statuses": (Status.FAILED,)}, "failed", {}),
        ({"platform": "facebook"}, "scheduled", {"platform": "facebook"}),
        ({"client_id": UNKNOWN_ID}, "scheduled", {"client_id": UNKNOWN_ID}),
        ({"start": DUE, "end": DUE + MICROSECOND}, "scheduled", {"scheduled_at": DUE}),
    ],
    ids=["status", "platform", "client", "time"],
)
def test_filter_shows_only_matching_posts(rows: Rows, wanted: dict[str, Any], status: str, values: dict[str, Any]):
    other = rows.post("scheduled", scheduled_at=DUE + MICROSECOND)
    rows.post("scheduled", scheduled_at=DUE - MICROSECOND)
    match = rows.post(status, **values)
    assert pages(rows, 10, PostFilter(**wanted)) == [[match.id]]
    assert other.id not in pages(rows, 10, PostFilter(**wanted))[0]


def ids(posts: list[Post]) -> set[str]:
    return {post.id for post in posts}


def read(found: Backlog, connection: Connection) -> list[Post]:
    return found.load(connection, [row.id for row in found.window(connection)])


def test_expired_returns_only_publishing_posts_past_their_lease(rows: Rows):
    over = rows.post("publishing", lease_until=LEASE - MICROSECOND)
    rows.post("publishing", lease_until=LEASE)
    for status in ("draft", "scheduled", "published", "failed", "cancelled"):
        rows.post(status)
    with rows.db.reading() as connection:
        assert ids(read(backlog.expired(LEASE), connection)) == {over.id}


def test_overdue_returns_only_due_scheduled_posts_not_swept_since(rows: Rows):
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
        assert ids(read(backlog.overdue(before, swept_before), connection)) == ids(wanted)
        assert backlog.count_overdue(connection, before, swept_before) == 3


def test_unarmed_returns_only_settled_posts_in_the_window_without_message(rows: Rows):
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
        assert ids(read(backlog.unarmed(start, end, settled), connection)) == ids(wanted)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_windows_of_a_backlog_show_every_row_once_oldest_first_with_equal_instants_too(rows: Rows, limit: int):
    posts = [rows.post("scheduled", next_attempt_at=later(n // 2)) for n in range(5)]
    found, after = [], None
    with rows.db.reading() as connection:
        while window := backlog.overdue(DUE, DUE).window(connection, limit, after):
            found += [row.id for row in window]
            after = (window[-1].at, window[-1].id)
    assert found == [post.id for post in sorted(posts, key=lambda p: (p.next_attempt_at, p.id))]


def test_personal_post_is_visible_to_its_user_only(rows: Rows):
    post = rows.post("draft")
    with rows.db.reading() as connection:
        assert queries.post_by_id(connection, post.id, "user-1") == post
        assert queries.post_by_id(connection, post.id, "user-2") is None
        assert queries.post_by_id(connection, UNKNOWN_ID) is None


def test_next_scheduled_at_is_the_nearest_instant_from_now_on(rows: Rows):
    for seconds in (-1, 5, 3):
        rows.post("scheduled", next_attempt_at=later(seconds, DUE))
    with rows.db.reading() as connection:
        assert queries.next_scheduled_at(connection, DUE) == later(3, DUE)
        assert queries.next_scheduled_at(connection, later(3, DUE)) == later(3, DUE)
        assert queries.next_scheduled_at(connection, later(9, DUE)) is None
