"""The conditions of lists and counts of posts: the filters, a text, and what needs a person.

Invariant: a condition on a text is asked only of a bounded number of rows.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.lifecycle import Status
from app.domain.oauth import REFRESHABLE
from app.domain.post_lists import PostFilter
from app.domain.risks import ACCOUNT_MISSING, HELD_CODES, NOT_ARMED, RECONNECT_REQUIRED, TOKEN_ENDS, Outlook
from app.store.companies import access
from app.store.schema.columns import Condition
from app.store.schema.tables import posts, social_accounts

P, A = posts.c, social_accounts.c
SEARCHED_POSTS = 2_000  # of one page or count, in which a text is looked for
OPEN = frozenset({Status.DRAFT, Status.SCHEDULED, Status.FAILED})
#: The statuses of posts that can need a person.
ATTENDED = (Status.FAILED, Status.SCHEDULED)


def conditions(user_id: str, wanted: PostFilter, outlook: Outlook) -> list[Condition]:
    """Return the conditions of the filters, except the one of the text. They are about `posts` alone."""
    found: list[Condition] = [access.visible_posts(user_id)]
    if wanted.company_id is wanted.client_id is wanted.social_account_id is None:
        found.append(P.user_id == user_id)
    if wanted.statuses:
        found.append(_one_of(wanted.statuses))
    for column in ("platform", "company_id", "client_id", "social_account_id"):
        value = getattr(wanted, column)
        if value is not None:
            found.append(P[column] == value)
    if wanted.start is not None:
        found.append(P.scheduled_at >= wanted.start)
    if wanted.end is not None:
        found.append(P.scheduled_at < wanted.end)
    if wanted.updated_since is not None:
        found.append(P.updated_at >= wanted.updated_since)
    if wanted.needs_attention is not None:
        found += _attention(outlook) if wanted.needs_attention else [_is_not(_attention(outlook))]
    return found


def are_few(wanted: PostFilter) -> bool:
    """Return True if the filters leave unfinished posts alone. A quota bounds these, and an index finds them."""
    return bool(wanted.needs_attention) or (len(wanted.statuses) > 1 and OPEN.issuperset(wanted.statuses))


def _is_not(where: list[Condition]) -> Condition:
    """Return the opposite of these conditions. One that is NULL does not hold."""
    return sa.not_(sa.func.coalesce(sa.and_(*where), sa.false()))


def _one_of(statuses: tuple[Status, ...]) -> Condition:
    return P.status == statuses[0] if len(statuses) == 1 else P.status.in_(statuses)


def text_matches(connection: Connection, pattern: str, column: sa.ColumnElement[str] = P.content) -> Condition:
    """Return the condition that a text has this pattern of `text_search`."""
    if connection.dialect.name == "sqlite":
        return sa.func.text_matches(column, pattern, type_=sa.Boolean)
    return column.regexp_match(pattern)


def cause(outlook: Outlook) -> sa.Case[Any]:
    """Return the first reason why a post needs a person, NULL without one. It needs a join to the usable account."""
    held = sa.and_(P.status == Status.SCHEDULED, P.error_code.in_(HELD_CODES))
    whens = [
        (sa.or_(P.status == Status.FAILED, held), P.error_code),
        (P.status != Status.SCHEDULED, sa.null()),
        (A.id.is_(None), ACCOUNT_MISSING),
        (A.status == RECONNECT_REQUIRED, RECONNECT_REQUIRED),
        (_ends_before(outlook), TOKEN_ENDS),
    ]
    if outlook.armed_before is not None:
        whens.append((sa.and_(P.message_id.is_(None), P.next_attempt_at < outlook.armed_before), NOT_ARMED))
    return sa.case(*whens, else_=sa.null())


def _ends_before(outlook: Outlook) -> Condition:
    """Return the condition that the account's access ends before the post for good."""
    ends = A.expires_at <= P.next_attempt_at
    if not outlook.can_refresh:
        return ends
    pasted = sa.or_(A.platform != REFRESHABLE, A.refresh_token.is_(None), ~A.refresh_granted)
    return sa.and_(ends, sa.or_(pasted, A.refresh_expires_at <= P.next_attempt_at))


def _attention(outlook: Outlook) -> list[Condition]:
    """Return the conditions of a post that needs a person, without a join."""
    usable = sa.select(A.id).where(access.account_of_post())
    good = sa.and_(A.status != RECONNECT_REQUIRED, sa.func.coalesce(~_ends_before(outlook), sa.true()))
    reasons: list[Condition] = [
        P.status == Status.FAILED,
        P.error_code.in_(HELD_CODES),
        ~sa.exists(usable.where(good).correlate(posts)),
    ]
    if outlook.armed_before is not None:
        reasons.append(sa.and_(P.message_id.is_(None), P.next_attempt_at < outlook.armed_before))
    return [P.status.in_(ATTENDED), sa.or_(*reasons)]
