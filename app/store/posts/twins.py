"""Other posts of an account that a platform's id may belong to. Read only after a refused duplicate."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.outcomes import Outcome
from app.domain.post import Post
from app.store.schema.columns import Condition
from app.store.schema.tables import attempts, posts

A, P = attempts.c, posts.c
MAX_PUBLISHING_DELAY = timedelta(hours=1)  # from a send to the creation on the platform, with a margin
CLOCK_ERROR = timedelta(seconds=5)


def is_another_posts(connection: Connection, post: Post, external_id: str | None, url: str | None = None) -> bool:
    """Return True if another post of the same account has this id on the platform.

    Without an id, the link is compared.
    """
    same = P.external_url == url if external_id is None else P.external_post_id == external_id
    return _exists(connection, select(P.id).where(*_others(post), same))


def may_be_a_twins(connection: Connection, post: Post, created: datetime) -> bool:
    """Return True if another post of the same account and text may be the one created at this instant.

    Such a post was sent shortly before, and its own id is not known.
    """
    unproven = sa.or_(A.outcome.is_(None), A.outcome.in_((Outcome.ACCEPTED, Outcome.UNKNOWN)))
    nameless = sa.and_(A.outcome == Outcome.PUBLISHED, P.external_post_id.is_(None))
    sent = (A.sent_at <= created + CLOCK_ERROR, A.sent_at > created - MAX_PUBLISHING_DELAY)
    twins = select(P.id).join(attempts, A.post_id == P.id).where(*_others(post), P.content == post.content)
    return _exists(connection, twins.where(*sent, sa.or_(unproven, nameless)))


def _others(post: Post) -> tuple[Condition, ...]:
    return P.social_account_id == post.social_account_id, P.id != post.id


def _exists(connection: Connection, found: sa.Select[tuple[str]]) -> bool:
    return connection.execute(found.limit(1)).first() is not None
