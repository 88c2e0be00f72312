"""Deleting what was finished long ago, a bounded batch at a time; a post's attempts and transitions go with it.

Promise: only posts that rest, guarded by status and last change, so that one which is taken up again stays.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select

from app.domain.lifecycle import FINAL, Status
from app.store.operations import counts
from app.store.posts.transition_sql import Condition
from app.store.schema.tables import alerts, posts, status_unindexed

#: Drafts are somebody's work, and what is scheduled or publishing is ours.
FINISHED = (Status.PUBLISHED, Status.FAILED, Status.CANCELLED)
#: Alerts that say how something is now; they end when it is mended, and not by age.
STANDING = ("breaker_open", "reconnect_required")


def prune_posts(tx: Connection, status: Status, before: datetime, limit: int) -> int:
    """Delete up to `limit` posts of this status that were last changed before then, the oldest first."""
    before = _countable(tx, status, before)
    old = (posts.c.status == status, posts.c.updated_at < before)
    oldest = select(posts.c.id).where(*old).order_by(posts.c.updated_at, posts.c.id).limit(limit)
    ids = list(
        tx.execute(oldest).scalars()
    )  # read first: within the DELETE, PostgreSQL might read all the table for it
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
    """Delete alerts that were last raised before then and describe something that happened once."""
    return tx.execute(delete(alerts).where(*_told(before))).rowcount


def count_prunable_alerts(connection: Connection, before: datetime) -> int:
    return connection.execute(select(sa.func.count()).select_from(alerts).where(*_told(before))).scalar_one()


def _told(before: datetime) -> tuple[Condition, ...]:
    return alerts.c.last_at < before, alerts.c.kind.not_in(STANDING)


def _countable(connection: Connection, status: Status, before: datetime) -> datetime:
    """A final post must have been counted before it may go, or the total would fall."""
    assert status in FINISHED
    return min(before, counts.counted_until(connection, status)) if status in FINAL else before
