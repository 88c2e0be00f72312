"""Reservations of due posts, so concurrent pollers do not all take the same ones.

Invariant: a reservation is only a hint in `swept_at`. It writes no status, lapses by itself, and every transition
clears it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, select, update

from app.domain.fairness import in_fair_order, owner_of
from app.domain.lifecycle import Status
from app.domain.post import Post
from app.store.ends import is_over
from app.store.posts.backlog import FAIR_WINDOW
from app.store.posts.transition_sql import to_post
from app.store.row_locks import skip_locked
from app.store.schema.tables import posts


def take(tx: Connection, now: datetime, lapsed: datetime, limit: int) -> list[Post]:
    """Reserve up to `limit` due posts without a reservation since `lapsed`, oldest first and fair by owner.

    Of the FAIR_WINDOW oldest, an owner's k-th post comes after the (k-1)-th of every other owner.

    A reservation from the future was written by a clock ahead of time, and is over.

    Rows locked by another transaction are skipped without waiting. SQLite has one writer at a time and needs no skip.
    """
    free = sa.or_(posts.c.swept_at.is_(None), is_over(posts.c.swept_at, lapsed, now))
    due = (posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at <= now, free)
    columns, oldest = (posts.c.id, posts.c.user_id, posts.c.next_attempt_at), (posts.c.next_attempt_at, posts.c.id)
    window = select(*columns).where(*due).order_by(*oldest).limit(FAIR_WINDOW).subquery("oldest").c
    turn = sa.func.row_number().over(partition_by=window.user_id, order_by=(window.next_attempt_at, window.id))
    ranked = select(window.id, window.next_attempt_at, turn.label("turn")).subquery("ranked").c
    picked = select(posts.c.id).join(ranked.id.table, ranked.id == posts.c.id).where(*due)
    picked = picked.order_by(ranked.turn, ranked.next_attempt_at, ranked.id).limit(limit)
    # A CTE: PostgreSQL may run a plain subquery more than once, and would then reserve more than the limit.
    ids = select(picked.with_for_update(skip_locked=True, of=posts).cte("picked").c.id)
    statement = update(posts).where(posts.c.id.in_(ids), *due).values(swept_at=now).returning(posts)
    taken = [to_post(row) for row in tx.execute(statement)]
    return in_fair_order(sorted(taken, key=lambda post: (post.next_attempt_at, post.id)), owner_of)


def release(tx: Connection, taken: Sequence[Post]) -> None:
    """Release reserved posts not begun yet, where the reservation is unchanged. On a locked row it lapses by itself."""
    ids, marks = [post.id for post in taken], {post.swept_at for post in taken}
    own = (posts.c.id.in_(ids), posts.c.status == Status.SCHEDULED, posts.c.swept_at.in_(marks))
    tx.execute(update(posts).where(*own, *skip_locked(tx, posts, *own)).values(swept_at=None))
