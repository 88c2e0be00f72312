"""Deletion of old finished posts and alerts, in bounded batches. A post's attempts and transitions go with it.

Invariant: only finished posts are deleted, by status and last change, so a post scheduled again stays.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select

from app.domain.lifecycle import FINAL, Status
from app.store.operations import counts
from app.store.row_locks import skip_locked
from app.store.schema.columns import Condition
from app.store.schema.tables import alerts, posts, status_unindexed

#: The statuses open to deletion. A draft is an author's work, and scheduled and publishing posts are still to be sent.
FINISHED = (Status.PUBLISHED, Status.FAILED, Status.CANCELLED)
#: Alerts about a present condition. They end with the condition, not by age.
ONGOING = ("breaker_open", "reconnect_required")


def prune_posts(tx: Connection, status: Status, before: datetime, limit: int) -> int:
    """Delete up to `limit` posts of this status last changed before `before`, oldest first. Returns the count."""
    before = _countable(tx, status, before)
    old = (posts.c.status == status, posts.c.updated_at < before)
    oldest = select(posts.c.id).where(*old).order_by(posts.c.updated_at, posts.c.id).limit(limit)
    oldest = oldest.with_for_update(skip_locked=True)  # one locked post must not end the pruning of all
    # Read the ids first: as a subquery of the DELETE, PostgreSQL might scan the whole table for them.
    ids = list(tx.execute(oldest).scalars())
    if not ids:
        return 0
    still_old = (posts.c.id.in_(ids), status_unindexed(status), posts.c.updated_at < before)
    deleted = tx.execute(delete(posts).where(*still_old)).rowcount
    if deleted and status in FINAL:
        counts.note_pruned(tx, status, deleted)
    return deleted


def count_prunable(connection: Connection, status: Status, before: datetime) -> int:
    old = (posts.c.status == status, posts.c.updated_at < _countable(connection, status, before))
    return connection.execute(select(sa.func.count()).select_from(posts).where(*old)).scalar_one()


def prune_alerts(tx: Connection, before: datetime) -> int:
    """Delete alerts about single events last raised before `before`. Returns the count."""
    old = _old_alerts(before)
    return tx.execute(delete(alerts).where(*old, *skip_locked(tx, alerts, *old))).rowcount


def count_prunable_alerts(connection: Connection, before: datetime) -> int:
    return connection.execute(select(sa.func.count()).select_from(alerts).where(*_old_alerts(before))).scalar_one()


def _old_alerts(before: datetime) -> tuple[Condition, ...]:
    return alerts.c.last_at < before, alerts.c.kind.not_in(ONGOING)


def _countable(connection: Connection, status: Status, before: datetime) -> datetime:
    """Limit `before` to counted posts. Deleting an uncounted final post would lower the total."""
    assert status in FINISHED
    return min(before, counts.counted_until(connection, status)) if status in FINAL else before
