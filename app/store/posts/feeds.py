"""Rows of calendar feeds, and the posts that a feed shows. Tokens are stored as hashes.

Invariant: a feed shows only posts that its user may read now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, select

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.store.companies import access
from app.store.paging import After, oldest_first
from app.store.posts.transition_sql import to_post
from app.store.schema.tables import feeds, posts

F, P = feeds.c, posts.c
SHOWN = (Status.SCHEDULED, Status.PUBLISHING, Status.PUBLISHED)


@dataclass(frozen=True, slots=True)
class Feed:
    """One row of `feeds`, without its token. `company_id` is None for a feed of the user's own posts."""

    id: str
    user_id: str
    company_id: str | None
    name: str
    created_at: datetime


_COLUMNS = (F.id, F.user_id, F.company_id, F.name, F.created_at)


def create(tx: Connection, feed: Feed, token_hash: str) -> None:
    values = {column.name: getattr(feed, column.name) for column in _COLUMNS}
    tx.execute(insert(feeds).values(values | {"token_hash": token_hash}))


def count(connection: Connection, user_id: str, most: int) -> int:
    """Count the user's feeds, up to `most`."""
    few = select(sa.literal(1)).where(F.user_id == user_id).limit(most).subquery()
    return connection.execute(select(sa.func.count()).select_from(few)).scalar_one()


def page(connection: Connection, user_id: str, limit: int, after: After | None) -> list[Feed]:
    """Return a page of the user's feeds, oldest first."""
    statement = oldest_first(select(*_COLUMNS).where(F.user_id == user_id), F.created_at, F.id, limit, after)
    return [Feed(*row) for row in connection.execute(statement)]


def remove(tx: Connection, feed_id: str, user_id: str) -> Feed | None:
    """Delete the user's feed and return it, None without one."""
    where = (F.id == feed_id, F.user_id == user_id)
    row = tx.execute(delete(feeds).where(*where).returning(*_COLUMNS)).one_or_none()
    return Feed(*row) if row else None


def by_hash(connection: Connection, token_hash: str) -> Feed | None:
    """Return the feed of this token, None without one."""
    row = connection.execute(select(*_COLUMNS).where(F.token_hash == token_hash)).one_or_none()
    return Feed(*row) if row else None


def shown_posts(
    connection: Connection, feed: Feed, now: datetime, since: datetime, past: int, ahead: int
) -> list[Post]:
    """Return the feed's posts: at most `past` ones since an instant, the latest, and the next `ahead` ones."""
    of = P.user_id == feed.user_id if feed.company_id is None else P.company_id == feed.company_id
    wanted = select(posts).where(of, access.visible_posts(feed.user_id), P.status.in_(SHOWN))
    before = wanted.where(P.scheduled_at >= since, P.scheduled_at < now).order_by(P.scheduled_at.desc(), P.id)
    after = wanted.where(P.scheduled_at >= now).order_by(P.scheduled_at, P.id)
    earlier = [to_post(row) for row in connection.execute(before.limit(past))]
    return [*reversed(earlier), *(to_post(row) for row in connection.execute(after.limit(ahead)))]
