"""The other posts of an account around an instant, for warnings to authors.

Invariant: the read uses the index of account and time and is bounded.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.domain.warnings import NearbyPost
from app.store.schema.tables import posts

P = posts.c
GOING_OUT = (Status.SCHEDULED, Status.PUBLISHING, Status.PUBLISHED)


def nearby_posts(connection: Connection, post: Post, at: datetime, within: timedelta, limit: int) -> list[NearbyPost]:
    """Return the account's other scheduled, publishing or published posts within a span around `at`.

    On each side, at most the `limit` nearest are returned.
    """
    account = {"account": post.social_account_id, "itself": post.id, "most": limit}
    found = connection.execute(_BOTH_SIDES, {**account, "at": at, "first": at - within, "last": at + within}).all()
    return [NearbyPost(id, Status(status), due, content) for id, status, due, content in found]


def _both_sides() -> sa.Executable:
    at, first, last = (sa.bindparam(name, type_=P.scheduled_at.type) for name in ("at", "first", "last"))
    account, itself = (sa.bindparam(name, type_=P.id.type) for name in ("account", "itself"))
    columns = select(P.id, P.status, P.scheduled_at, P.content).where(
        P.social_account_id == account, P.status.in_(GOING_OUT), P.id != itself
    )
    before = columns.where(P.scheduled_at >= first, P.scheduled_at < at).order_by(P.scheduled_at.desc())
    after = columns.where(P.scheduled_at >= at, P.scheduled_at <= last).order_by(P.scheduled_at)
    most = sa.bindparam("most", type_=sa.Integer())
    return sa.union_all(*(select(side.limit(most).subquery()) for side in (before, after)))


_BOTH_SIDES = _both_sides()
