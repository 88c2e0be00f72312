"""Pages of posts, newest first, and pages of a post's timeline, oldest first.

Invariant: a page of posts reads at most MAX_PAGE_BYTES of texts, or one post. The sizes are read before the texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.post import Attempt, Post, Transition
from app.store.companies import access
from app.store.paging import After, newest_first
from app.store.posts.attempts import to_attempt
from app.store.posts.transition_sql import to_post
from app.store.schema.tables import attempts, posts, transitions

MAX_PAGE_BYTES = 1_000_000
P = posts.c


@dataclass(frozen=True, slots=True)
class PostFilter:
    """The filters of a list of posts. None means no restriction.

    `start` and `end` bound `scheduled_at`, the end excluded. A filter by company, client or account shows all their
    posts visible to the user. Any other list shows only the user's own posts.
    """

    status: str | None = None
    platform: str | None = None
    company_id: str | None = None
    client_id: str | None = None
    social_account_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None


def page(
    connection: Connection, user_id: str, wanted: PostFilter, limit: int, after: After | None
) -> tuple[list[Post], After | None]:
    """Return a page of posts, newest first, and the key for the next page. None means no more posts.

    The page ends after `limit` posts, or before the post whose texts would exceed MAX_PAGE_BYTES. It has one post at
    least. A key is the (created_at, id) of a page's last post.
    """
    keys = newest_first(_matching(connection, user_id, wanted), P.created_at, P.id, limit + 1, after)
    found = connection.execute(keys).all()
    totals = accumulate(row.size for row in found)
    shown = found[: max(1, sum(total <= MAX_PAGE_BYTES for total in totals))][:limit]
    ids = [row.id for row in shown]
    by_id = {row.id: to_post(row) for row in connection.execute(_POSTS, {"ids": ids})} if ids else {}
    next_key = (shown[-1].created_at, shown[-1].id) if len(found) > len(shown) else None
    return [by_id[one] for one in ids if one in by_id], next_key


_POSTS = select(posts).where(P.id.in_(sa.bindparam("ids", expanding=True)))


def _matching(connection: Connection, user_id: str, wanted: PostFilter) -> sa.Select[Any]:
    """Select the keys and the sizes of the matching posts that the user may see."""
    size = _octets(connection, P.content) + _octets(connection, P.media) + _octets(connection, P.image_url)
    statement = select(P.id, P.created_at, size.label("size")).where(access.visible_posts(user_id))
    if wanted.company_id is wanted.client_id is wanted.social_account_id is None:
        statement = statement.where(P.user_id == user_id)
    for column in ("status", "platform", "company_id", "client_id", "social_account_id"):
        value = getattr(wanted, column)
        if value is not None:
            statement = statement.where(P[column] == value)
    if wanted.start is not None:
        statement = statement.where(P.scheduled_at >= wanted.start)
    if wanted.end is not None:
        statement = statement.where(P.scheduled_at < wanted.end)
    return statement


def _octets(connection: Connection, column: sa.Column[Any]) -> sa.ColumnElement[int]:
    """Return the length of a text in bytes. PostgreSQL reads it without the text."""
    if connection.dialect.name == "sqlite":  # without octet_length before 3.43
        length = sa.func.length(sa.cast(column, sa.LargeBinary))
    else:
        length = sa.func.octet_length(sa.cast(column, sa.Text))
    return sa.func.coalesce(length, 0)


def attempts_after(connection: Connection, post_id: str, number: int, limit: int) -> list[Attempt]:
    """Return at most `limit` attempts of a post with a higher number, oldest first."""
    a = attempts.c
    statement = select(attempts).where(a.post_id == post_id, a.attempt > number).order_by(a.attempt).limit(limit)
    return [to_attempt(row) for row in connection.execute(statement)]


def transitions_after(
    connection: Connection, post_id: str, transition_id: int, limit: int
) -> list[tuple[int, Transition]]:
    """Return at most `limit` transitions of a post with a higher id, oldest first, each with its id."""
    t = transitions.c
    columns = (t.at, t.from_status, t.to_status, t.reason, t.actor, t.generation, t.attempt)
    where = (t.post_id == post_id, t.id > transition_id)
    found = connection.execute(select(t.id, *columns).where(*where).order_by(t.id).limit(limit))
    return [(row[0], Transition(*row[1:])) for row in found]
