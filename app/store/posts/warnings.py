"""The other posts of an account around an instant, for warnings to authors.

Invariant: at most four rows are read, each by an index of the account. No text is read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.lifecycle import Status
from app.domain.post import Post
from app.domain.warnings import NearbyPost
from app.store.schema.tables import GOING_OUT, posts

P = posts.c


def nearby_posts(
    connection: Connection, post: Post, at: datetime, same_within: timedelta, any_within: timedelta
) -> list[NearbyPost]:
    """Return the account's nearest other posts that go out or went out, before and after `at`.

    They are the nearest of the same text within `same_within`, and the nearest of any text within `any_within`.
    """
    values = {"account": post.social_account_id, "itself": post.id, "text_hash": post.content_hash, "at": at}
    for name, within in (("same", same_within), ("any", any_within)):
        values |= {f"{name}_first": at - within, f"{name}_last": at + within}
    found = connection.execute(_NEAREST, values).all()
    return [NearbyPost(id, Status(status), due, bool(same)) for id, status, due, same in found]


def _both_sides(name: str, *where: sa.ColumnElement[bool], same: bool) -> list[sa.Select[tuple[object, ...]]]:
    at, first, last = (sa.bindparam(key, type_=P.scheduled_at.type) for key in ("at", f"{name}_first", f"{name}_last"))
    account, itself = (sa.bindparam(key, type_=P.id.type) for key in ("account", "itself"))
    columns = select(P.id, P.status, P.scheduled_at, sa.literal(same)).where(
        P.social_account_id == account, sa.text(GOING_OUT), P.id != itself, *where
    )
    before = columns.where(P.scheduled_at >= first, P.scheduled_at < at).order_by(P.scheduled_at.desc())
    after = columns.where(P.scheduled_at >= at, P.scheduled_at <= last).order_by(P.scheduled_at)
    return [select(side.limit(1).subquery()) for side in (before, after)]


def _nearest() -> sa.Executable:
    same_text = P.content_hash == sa.bindparam("text_hash", type_=P.content_hash.type)
    return sa.union_all(*_both_sides("same", same_text, same=True), *_both_sides("any", same=False))


_NEAREST = _nearest()
