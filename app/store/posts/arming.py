"""The arm count and the message id of scheduled posts. Writes no status.

Invariant: each arming has its own arm count, which distinguishes a message from the one it replaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, update

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.store.posts.transition_sql import to_post
from app.store.row_locks import skip_locked
from app.store.schema.columns import Condition
from app.store.schema.tables import alerts, posts, status_unindexed

SERVICE = "qstash"  # the subject of alerts about the message service


def count_arming(
    tx: Connection,
    ids: Sequence[str],
    expected: Condition,
    *,
    now: datetime,
    swept: bool,
    rearmed: bool = False,
    unlocked_only: bool = False,
) -> list[Post]:
    """Raise the arm count of these posts where `expected` still holds, and with `rearmed` their rearm count.

    The new count makes a new deduplication id. Returns the changed posts. Only these may be armed by the caller. With
    `unlocked_only`, posts held by another transaction are left out.
    """
    values: dict[str, Any] = {"arm_count": posts.c.arm_count + 1, "message_id": None, "updated_at": now}
    if swept:
        values["swept_at"] = now
    if rearmed:
        values["rearm_count"] = posts.c.rearm_count + 1
    where: list[Condition] = [posts.c.id.in_(ids), status_unindexed(Status.SCHEDULED), expected]
    if unlocked_only:
        where += skip_locked(tx, posts, *where)
    return [to_post(row) for row in tx.execute(update(posts).where(*where).values(values).returning(posts))]


def forget_message(tx: Connection, post_id: str, message_id: str) -> bool:
    """Remove a lost message's id, so the sweep finds the post unarmed. Returns False if the id has changed."""
    where = (posts.c.id == post_id, status_unindexed(Status.SCHEDULED), posts.c.message_id == message_id)
    return tx.execute(update(posts).where(*where).values(message_id=None)).rowcount == 1


def store_messages(tx: Connection, taken: Sequence[tuple[Post, str]], armed_as: str | None = None) -> set[str]:
    """Store the message ids of posts with an unchanged arming, in one statement.

    `armed_as` is the fingerprint of what the messages carry. Returns the ids of these posts, and of posts held by
    another transaction: their messages stay too. The caller must cancel the messages of all other posts.
    """
    keys = [(post.id, post.generation, post.arm_count) for post, _ in taken]
    own = sa.tuple_(
        posts.c.id, posts.c.generation, posts.c.arm_count, types=[posts.c.id.type, sa.Integer(), sa.Integer()]
    )
    message_of = sa.case(*((posts.c.id == post.id, message_id) for post, message_id in taken))
    where = (own.in_(keys), status_unindexed(Status.SCHEDULED), posts.c.message_id.is_(None))
    statement = (
        update(posts).where(*where, *skip_locked(tx, posts, *where)).values(message_id=message_of, armed_as=armed_as)
    )
    stored = set(tx.execute(statement.returning(posts.c.id)).scalars())
    if len(stored) == len(taken):
        return stored
    return stored | set(tx.execute(sa.select(posts.c.id).where(*where)).scalars())


def store_message(
    connection: Connection, post: Post, message_id: str, kinds: Sequence[str], armed_as: str | None = None
) -> tuple[bool, bool]:
    """Store one message id and look for alerts of these kinds about the message service.

    Returns (stored, alerts possible). The transaction must contain nothing else, because PostgreSQL commits it without
    waiting for the disk. A crash may lose the id, and then the sweep arms the post again.
    """
    arming = {"post_id": post.id, "wanted": post.generation, "armed": post.arm_count}
    statement = _STORE_SOON if connection.dialect.name == "postgresql" else _STORE
    row = connection.execute(
        statement, {**arming, "message": message_id, "kinds": kinds, "armed_as": armed_as}
    ).one_or_none()
    return (True, bool(row.alerted)) if row else (False, True)


_ALERTED = sa.exists().where(alerts.c.kind.in_(sa.bindparam("kinds", expanding=True)), alerts.c.subject == SERVICE)
_STORE = (
    update(posts)
    .where(
        posts.c.id == sa.bindparam("post_id", type_=posts.c.id.type),
        posts.c.generation == sa.bindparam("wanted", type_=sa.Integer()),
        posts.c.arm_count == sa.bindparam("armed", type_=sa.Integer()),
        status_unindexed(Status.SCHEDULED),
        posts.c.message_id.is_(None),
    )
    .values(message_id=sa.bindparam("message"), armed_as=sa.bindparam("armed_as"))
    .returning(_ALERTED.label("alerted"))
)
_STORE_SOON = _STORE.returning(sa.func.set_config("synchronous_commit", "off", True))


def due_before(instant: datetime) -> Condition:
    return posts.c.next_attempt_at < instant


def without_message() -> Condition:
    return posts.c.message_id.is_(None)


def armed_otherwise(fingerprint: str) -> Condition:
    """Return the condition that the message carries other content than this fingerprint's."""
    return sa.and_(posts.c.message_id.is_not(None), posts.c.armed_as.is_distinct_from(fingerprint))
