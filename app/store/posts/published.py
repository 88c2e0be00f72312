"""Changes of a published post. Its status is final, so no `transitions` row is written.

Invariant: only missing values are added. A stored id never changes.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from app.domain.lifecycle import Status
from app.domain.platforms import external_url
from app.domain.post import Post
from app.store.posts.transition_sql import matches, to_post
from app.store.schema.tables import posts


def add_external_id(tx: Connection, post: Post, *, external_id: str, now: datetime) -> Post | None:
    """Store the platform's id of a published post without one. Return None if it has one or is not published."""
    if post.status is not Status.PUBLISHED:
        return None
    url = external_url(post.platform, external_id) or post.external_url
    values = {"external_post_id": external_id, "external_url": url, "updated_at": now}
    without_id = posts.c.external_post_id.is_(None)
    row = tx.execute(update(posts).where(*matches(post), without_id).values(values).returning(posts)).one_or_none()
    return to_post(row) if row else None
