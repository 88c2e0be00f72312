"""Counts of a user's posts by status, and by what needs a person.

Invariant: each count reads at most MAX_COUNTED posts, or SEARCHED_POSTS where a text is looked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.lifecycle import Status
from app.domain.post_lists import PostFilter
from app.domain.risks import OF_ACCOUNT, Outlook
from app.store.companies import access
from app.store.posts.filters import ATTENDED, SEARCHED_POSTS, cause, conditions, text_matches
from app.store.schema.tables import posts, social_accounts

MAX_COUNTED = 10_000  # posts of one status. A count of so many means that many or more
MAX_CAUSES = 100
P = posts.c


def by_status(connection: Connection, user_id: str, wanted: PostFilter, outlook: Outlook) -> dict[str, int]:
    """Count the posts of each status that match the filters, up to MAX_COUNTED."""
    asked = [status for status in Status if not wanted.statuses or status in wanted.statuses]
    counts = []
    for status in asked:
        matching = select(P.content).where(*conditions(user_id, replace(wanted, statuses=(status,)), outlook))
        few = _few(connection, matching, wanted.text)
        counts.append(select(sa.func.count()).select_from(few).scalar_subquery())
    row = connection.execute(select(*counts)).one()
    return dict.fromkeys(map(str, Status), 0) | {str(status): int(row[i]) for i, status in enumerate(asked)}


def causes(
    connection: Connection, user_id: str, wanted: PostFilter, outlook: Outlook
) -> list[tuple[str, str | None, int]]:
    """Return (code, account id, count) of the posts that need a person, the most frequent first.

    The account id is None for a code that is not about an account. Of a post with several causes the first counts.
    """
    statuses = tuple(status for status in ATTENDED if not wanted.statuses or status in wanted.statuses)
    if not statuses:
        return []
    where = conditions(user_id, replace(wanted, statuses=statuses), outlook)
    code = cause(outlook).label("code")
    matching = (
        select(code, P.social_account_id.label("account_id"), P.content)
        .select_from(posts.outerjoin(social_accounts, access.account_of_post()))
        .where(*where)
    )
    few = _few(connection, matching, wanted.text)
    account = sa.case((few.c.code.in_(OF_ACCOUNT), few.c.account_id), else_=None).label("account_id")
    number = sa.func.count().label("number")
    grouped = select(few.c.code, account, number).where(few.c.code.is_not(None)).group_by(few.c.code, account)
    found = connection.execute(grouped.order_by(number.desc(), few.c.code, account).limit(MAX_CAUSES))
    return [(row.code, row.account_id, row.number) for row in found]


def _few(connection: Connection, matching: sa.Select[Any], text: str | None) -> sa.Subquery:
    """Bound the rows. Those in which a text is looked for are the newest ones."""
    if text is None:
        return matching.limit(MAX_COUNTED).subquery()
    newest = matching.order_by(P.created_at.desc(), P.id.desc()).limit(SEARCHED_POSTS).subquery()
    return select(newest).where(text_matches(connection, text, newest.c.content)).subquery()
