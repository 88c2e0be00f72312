"""Reservations of due posts, so concurrent pollers do not all take the same ones.

Invariant: a reservation is only a hint in `swept_at`. It writes no status, lapses by itself, and every transition
clears it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, select, update

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.store.ends import is_over
from app.store.posts.transition_sql import to_post
from app.store.row_locks import skip_locked
from app.store.schema.tables import posts


def take(tx: Connection, now: datetime, lapsed: datetime, limit: int) -> list[Post]:
    """Reserve up to `limit` due posts without a reservation since `lapsed`, oldest first.

    A reservation from the future was written by a clock ahead of time, and is over.

    Rows locked by another transaction are skipped without waiting. SQLite has one writer at a time and needs no skip.
    """
    free = sa.or_(posts.c.swept_at.is_(None), is_over(posts.c.swept_at, lapsed, now))
    due = (posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at <= now, free)
    picked = select(posts.c.id).where(*due).order_by(posts.c.next_attempt_at, posts.c.id).limit(limit)
    # A CTE: PostgreSQL may run a plain subquery more than once, and would then reserve more than the limit.
    ids = select(picked.with_for_update(skip_locked=True).cte("picked").c.id)
    statement = update(posts).where(posts.c.id.in_(ids), *due).values(swept_at=now).returning(posts)
    taken = [to_post(row) for row in tx.execute(statement)]
    return sorted(taken, key=lambda post: (post.next_attempt_at, post.id))


def release(tx: Connection, taken: Sequence[Post]) -> None:
    """Release reserved posts not begun yet, where the reservation is unchanged. On a locked row it lapses by itself."""
    ids, marks = [post.id for post in taken], {post.swept_at for post in taken}
    own = (posts.c.id.in_(ids), posts.c.status == Status.SCHEDULED, posts.c.swept_at.in_(marks))
    tx.execute(update(posts).where(*own, *skip_locked(tx, posts, *own)).values(swept_at=None))
