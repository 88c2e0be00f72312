"""Instants of posts that a clock ahead of time has written: the ends of leases, and due instants of retries.

Invariant: no lease is ended here, and no promise is moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.domain.times import CLOCK_TOLERANCE
from app.store.posts.transition_sql import to_post
from app.store.schema.tables import posts, status_unindexed

#: How far ahead to look for moved posts: the longest delay of a retry, and a clock ahead by as much.
MOVED_WITHIN = timedelta(hours=12)
P = posts.c


def too_long_leased(connection: Connection, now: datetime, lease: timedelta, limit: int) -> list[str]:
    """Return the ids of publishing posts with a longer lease than `lease`, the longest one to be written now."""
    too_long = (P.status == Status.PUBLISHING, P.lease_until > now + lease + CLOCK_TOLERANCE)
    return list(connection.execute(select(P.id).where(*too_long).order_by(P.lease_until, P.id).limit(limit)).scalars())


def shorten_leases(tx: Connection, ids: Sequence[str], now: datetime, lease: timedelta) -> int:
    """Let the leases of these posts end `lease` after now. Returns the count.

    They are not over: n8n may work on these posts, and a send again could be a second copy.
    """
    too_long = P.lease_until > now + lease + CLOCK_TOLERANCE
    still = (P.id.in_(ids), status_unindexed(Status.PUBLISHING), too_long)
    return tx.execute(update(posts).where(*still).values(lease_until=now + lease)).rowcount


def moved_ahead(connection: Connection, now: datetime, limit: int) -> list[Post]:
    """Return scheduled posts whose retry or deferral was written in the future. Promised instants do not count."""
    moved = (P.next_attempt_at > P.scheduled_at, P.updated_at > now + CLOCK_TOLERANCE, P.next_attempt_at > now)
    within = (P.status == Status.SCHEDULED, P.next_attempt_at <= now + MOVED_WITHIN)
    rows = connection.execute(select(posts).where(*within, *moved).order_by(P.next_attempt_at, P.id).limit(limit))
    return [to_post(row) for row in rows]
