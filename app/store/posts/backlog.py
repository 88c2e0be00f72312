"""The sweep's four backlogs of posts: expired leases, overdue, unarmed and outdated ones.

A backlog is read in two steps: light rows of many posts, to put them in fair order, then the whole posts of a batch.
Invariant: each read is bounded, and one owner's posts hide no other owner's within FAIR_WINDOW posts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.store.ends import is_over
from app.store.paging import After, oldest_first
from app.store.posts import arming
from app.store.posts.transition_sql import to_post
from app.store.schema.columns import Condition
from app.store.schema.tables import posts

FAIR_WINDOW = 20_000  # posts put in fair order at once
LONGEST_SWEEP = timedelta(minutes=15)  # later marks of a sweep are from a clock ahead of time


class Found(NamedTuple):
    """A light row: the instant by which the backlog is paged, the post's id and its owner."""

    at: datetime
    id: str
    owner: str


@dataclass(frozen=True)
class Backlog:
    """The posts with these conditions, oldest `key` first. With `skip_locked`, posts being changed are left out."""

    key: sa.Column[Any]
    where: tuple[Condition, ...]
    skip_locked: bool = False

    def window(self, connection: Connection, limit: int = FAIR_WINDOW, after: After | None = None) -> list[Found]:
        """Return the light rows of the next `limit` posts."""
        statement = select(self.key, posts.c.id, posts.c.user_id).where(*self.where)
        statement = oldest_first(statement, self.key, posts.c.id, limit, after)
        return [Found(*row) for row in connection.execute(statement)]

    def load(self, connection: Connection, ids: Sequence[str]) -> list[Post]:
        """Return those of these posts that still belong to the backlog, in the order of the ids."""
        statement = select(posts).where(posts.c.id.in_(ids), *self.where)
        if self.skip_locked:
            statement = statement.with_for_update(skip_locked=True, key_share=True)
        found = {post.id: post for post in map(to_post, connection.execute(statement))}
        return [found[post_id] for post_id in ids if post_id in found]


def expired(now: datetime) -> Backlog:
    """Return the publishing posts past their lease.

    Posts held by another transaction are left out: they are being changed, and each would be a wait.
    """
    return Backlog(posts.c.lease_until, (posts.c.status == Status.PUBLISHING, posts.c.lease_until < now), True)


def overdue(before: datetime, swept_before: datetime) -> Backlog:
    """Return the posts due before `before` and not swept since `swept_before`."""
    due = (posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at < before)
    return Backlog(posts.c.next_attempt_at, (*due, sa.or_(*_not_swept_since(swept_before))))


def unarmed(start: datetime, end: datetime, settled_before: datetime) -> Backlog:
    """Return the scheduled posts due within [start, end) without a message.

    Posts changed after `settled_before` are left out, because their writer may still wait for the message service. A
    change in the future was written by a clock ahead of time, and counts as past.
    """
    where = (
        posts.c.status == Status.SCHEDULED,
        posts.c.message_id.is_(None),
        posts.c.next_attempt_at >= start,
        posts.c.next_attempt_at < end,
        is_over(posts.c.updated_at, settled_before, settled_before + LONGEST_SWEEP),
    )
    return Backlog(posts.c.next_attempt_at, where)


def armed_otherwise(fingerprint: str, start: datetime) -> Backlog:
    """Return the scheduled posts due from `start` on, with messages of another content than `fingerprint`."""
    due = (posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at >= start)
    return Backlog(posts.c.next_attempt_at, (*due, arming.armed_otherwise(fingerprint)))


def count_overdue(connection: Connection, before: datetime, swept_before: datetime) -> int:
    """Count overdue posts without a message or not swept since `swept_before`."""
    left = sa.or_(*_not_swept_since(swept_before), posts.c.message_id.is_(None))
    where = (posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at < before, left)
    return connection.execute(select(sa.func.count()).select_from(posts).where(*where)).scalar_one()


def count_publishing(connection: Connection) -> int:
    """Count the posts that are being sent or that wait for their report."""
    where = posts.c.status == Status.PUBLISHING
    return connection.execute(select(sa.func.count()).select_from(posts).where(where)).scalar_one()


def _not_swept_since(swept_before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    from_wrong_clock = posts.c.swept_at > swept_before + LONGEST_SWEEP
    return posts.c.swept_at.is_(None), posts.c.swept_at < swept_before, from_wrong_clock
