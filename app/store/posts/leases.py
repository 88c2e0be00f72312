"""Leases of publishing posts, and the posts of a group that another transaction holds.

Invariant: no status is written here, and a stale worker extends no lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import Connection, update

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.store.execute_for_rows import execute_for_rows
from app.store.posts.transition_sql import NOW
from app.store.row_locks import unlocked
from app.store.schema.tables import posts, status_unindexed


def still_scheduled(tx: Connection, group: Sequence[Post]) -> set[str]:
    """Return the ids of the posts still open to a claim: after a claim of the group, the locked ones."""
    return _still(tx, group, Status.SCHEDULED, posts.c.generation)


def early_by_database(tx: Connection, group: Sequence[Post], now: datetime) -> dict[str, timedelta]:
    """Return the posts still scheduled and due by `now`, with the time until they are due by the database's clock.

    After a claim without `skip_locked`, these lost it because of that clock, or of a change of account or content.
    """
    wanted = {(post.id, post.generation) for post in group}
    columns = (posts.c.id, posts.c.generation, posts.c.next_attempt_at, sa.func.clock_timestamp())
    due = (posts.c.id.in_([id for id, _ in wanted]), posts.c.next_attempt_at <= now)
    found = tx.execute(sa.select(*columns).where(*due, status_unindexed(Status.SCHEDULED)))
    return {id: at - database_now for id, generation, at, database_now in found if (id, generation) in wanted}


def still_leased(tx: Connection, group: Sequence[Post]) -> set[str]:
    """Return the ids of these posts still publishing in this attempt: after `extend_leases`, the locked ones."""
    return _still(tx, group, Status.PUBLISHING, posts.c.generation, posts.c.attempt)


def _still(tx: Connection, group: Sequence[Post], status: Status, *counters: sa.Column[int]) -> set[str]:
    columns = (posts.c.id, *counters)
    same = sa.tuple_(*columns, types=[column.type for column in columns])
    keys = [tuple(getattr(post, column.name) for column in columns) for post in group]
    found = tx.execute(sa.select(posts.c.id).where(same.in_(keys), status_unindexed(status)))
    return set(found.scalars())


_LEASED = (("id", posts.c.id.type), ("generation", sa.Integer()), ("attempt", sa.Integer()))


def _extend(leased: Any, _many: bool) -> sa.Executable:
    return (
        update(posts)
        .where(posts.c.id == leased.id, posts.c.generation == leased.generation, posts.c.attempt == leased.attempt)
        .where(status_unindexed(Status.PUBLISHING))
        .values(lease_until=sa.bindparam("lease"), updated_at=NOW)
        .returning(posts.c.id)
    )


def _extend_unlocked(leased: Any, many: bool) -> sa.Executable:
    extended: Any = _extend(leased, many)
    if not many:
        return cast("sa.Executable", extended)
    free = unlocked(posts, posts.c.id.in_(sa.select(leased.id)))
    return cast("sa.Executable", extended.where(free.c.id == posts.c.id))


def extend_leases(
    tx: Connection, group: Sequence[Post], *, lease_until: datetime, now: datetime, skip_locked: bool = False
) -> set[str]:
    """Extend the leases of posts accepted by n8n.

    They stay publishing until their report or the lease's end. Returns the ids of the extended posts. A post no longer
    publishing in this attempt is left out. With `skip_locked`, so are posts held by another transaction.
    """
    build = _extend_unlocked if skip_locked else _extend
    leased = [{"id": post.id, "generation": post.generation, "attempt": post.attempt} for post in group]
    return {row.id for row in execute_for_rows(tx, build, _LEASED, leased, {"now": now, "lease": lease_until})}
