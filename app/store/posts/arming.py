"""The message id of a scheduled row: the right to arm it, keeping the id, forgetting it. Writes no status.

Promise: each arming has a count of its own, so a message can be told from the one it replaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, update

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.store.posts.transition_sql import Condition, to_post
from app.store.schema.tables import alerts, posts, status_unindexed

SERVICE = "qstash"  # the subject of alerts about the message service


def count_arming(tx: Connection, ids: Sequence[str], guard: Condition, *, now: datetime, swept: bool) -> list[Post]:
    """Take the right to arm these posts, where `guard` still holds: a new arm count, so a new deduplication id."""
    values: dict[str, Any] = {"arm_count": posts.c.arm_count + 1, "message_id": None, "updated_at": now}
    if swept:
        values["swept_at"] = now
    where = (posts.c.id.in_(ids), status_unindexed(Status.SCHEDULED), guard)
    return [to_post(row) for row in tx.execute(update(posts).where(*where).values(values).returning(posts))]


def forget_message(tx: Connection, post_id: str, message_id: str) -> bool:
    """The alarm was lost: the row is unarmed, which the sweep finds."""
    where = (posts.c.id == post_id, status_unindexed(Status.SCHEDULED), posts.c.message_id == message_id)
    return tx.execute(update(posts).where(*where).values(message_id=None)).rowcount == 1


def store_messages(tx: Connection, taken: Sequence[tuple[Post, str]]) -> set[str]:
    """Keep each message id where the arming is still the row's own, in one statement. Returns the ids of the posts that
    took theirs; to the others applies: cancel your message."""
    keys = [(post.id, post.generation, post.arm_count) for post, _ in taken]
    own = sa.tuple_(
        posts.c.id, posts.c.generation, posts.c.arm_count, types=[posts.c.id.type, sa.Integer(), sa.Integer()]
    )
    message_of = sa.case(*((posts.c.id == post.id, message_id) for post, message_id in taken))
    where = (own.in_(keys), status_unindexed(Status.SCHEDULED), posts.c.message_id.is_(None))
    statement = update(posts).where(*where).values(message_id=message_of).returning(posts.c.id)
    return set(tx.execute(statement).scalars())


def store_message(connection: Connection, post: Post, message_id: str, kinds: Sequence[str]) -> tuple[bool, bool]:
    """The same for one post, and whether there may be alerts of these kinds about the message service. To be committed
    by itself: PostgreSQL is told not to wait for its disk. What a crash takes is an id, and the sweep arms anew."""
    arming = {"post_id": post.id, "wanted": post.generation, "armed": post.arm_count}
    statement = _STORE_SOON if connection.dialect.name == "postgresql" else _STORE
    row = connection.execute(statement, {**arming, "message": message_id, "kinds": kinds}).one_or_none()
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
    .values(message_id=sa.bindparam("message"))
    .returning(_ALERTED.label("alerted"))
)
_STORE_SOON = _STORE.returning(sa.func.set_config("synchronous_commit", "off", True))


def due_before(instant: datetime) -> Condition:
    return posts.c.next_attempt_at < instant


def without_message() -> Condition:
    return posts.c.message_id.is_(None)
