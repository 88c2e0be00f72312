"""The posts of an account in the 24 hours up to a post, for its daily cap.

Invariant: for each post at most one entry more than the cap is read, along the account's index. No text is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.pacing import WINDOW
from app.domain.post import Post
from app.store.execute_for_rows import Types, execute_for_rows
from app.store.schema.tables import GOING_OUT, posts

P = posts.c
_ASKED: Types = (("id", P.id.type), ("account", P.id.type), ("start", P.scheduled_at.type), ("at", P.scheduled_at.type))


def over_cap(connection: Connection, asked: Sequence[Post], cap: int) -> set[str]:
    """Return the ids of those scheduled posts with at least `cap` other posts of their account in the day before."""
    rows = [
        {
            "id": post.id,
            "account": post.social_account_id,
            "start": post.scheduled_at - WINDOW,
            "at": post.scheduled_at,
        }
        for post in asked
        if post.social_account_id is not None and post.scheduled_at is not None
    ]
    found = execute_for_rows(connection, _beyond_cap, _ASKED, rows, {"cap": cap}) if rows else []
    return {row.id for row in found if row.beyond is not None}


def _beyond_cap(asked: Any, _many: bool) -> sa.Executable:
    beyond = (
        select(P.id)
        .where(P.social_account_id == asked.account, sa.text(GOING_OUT))
        .where(P.scheduled_at > asked.start, P.scheduled_at <= asked.at)
        .order_by(P.scheduled_at)
        .limit(1)
        .offset(sa.bindparam("cap", type_=sa.Integer))
        .scalar_subquery()
    )
    return select(asked.id.label("id"), beyond.label("beyond"))
