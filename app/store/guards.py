"""What else goes out on an account around an instant: read by the index of account and time, and bounded."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.guards import Neighbour
from app.domain.lifecycle import Status
from app.domain.post import Post
from app.store.models import posts

P = posts.c
GOING_OUT = (Status.SCHEDULED, Status.PUBLISHING, Status.PUBLISHED)


def neighbours(connection: Connection, post: Post, at: datetime, within: timedelta, limit: int) -> list[Neighbour]:
    """The account's other posts that go out or went out `within` of `at`: the nearest `limit` on either side."""
    columns = select(P.id, P.status, P.scheduled_at, P.content).where(
        P.social_account_id == post.social_account_id, P.status.in_(GOING_OUT), P.id != post.id
    )
    before = columns.where(P.scheduled_at >= at - within, P.scheduled_at < at).order_by(P.scheduled_at.desc())
    after = columns.where(P.scheduled_at >= at, P.scheduled_at <= at + within).order_by(P.scheduled_at)
    both = sa.union_all(*(select(side.limit(limit).subquery()) for side in (before, after)))
    return [Neighbour(id, Status(status), due, content) for id, status, due, content in connection.execute(both)]
