"""Reads of posts: one post with its account, its attempts, and the next due instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.breaker import Breaker, row_name
from app.domain.lifecycle import Status
from app.domain.post import Account, Attempt, Post
from app.store.accounts.accounts import ACCOUNT_FIELDS
from app.store.companies import access
from app.store.operations import breaker, pauses
from app.store.posts.attempts import to_attempt
from app.store.posts.transition_sql import to_post
from app.store.schema.tables import attempts, breakers, posts, social_accounts, transitions


def post_by_id(connection: Connection, post_id: str, user_id: str | None = None) -> Post | None:
    """Return the post, or None. With `user_id`, only a post visible to that user is returned."""
    statement = _POST if user_id is None else _VISIBLE_POST
    row = connection.execute(statement, {"post_id": post_id, "reader": user_id}).one_or_none()
    return to_post(row) if row else None


def post_with_accounts(connection: Connection, post_id: str, user_id: str) -> tuple[Post | None, list[Account]]:
    """Return a post visible to the user and the accounts usable for it, oldest first.

    A post with an account has that one alone. Returns (None, []) for an invisible post.
    """
    rows = connection.execute(_POST_WITH_ACCOUNTS, {"post_id": post_id, "reader": user_id}).all()
    if not rows:
        return None, []
    return to_post(rows[0]), [account for row in rows if (account := _joined_account(row)) is not None]


def _joined_account(row: sa.Row[Any]) -> Account | None:
    """Build the account from the columns after the post's. None means the join found no account."""
    values = dict(zip(ACCOUNT_FIELDS, row[len(posts.c) :], strict=False))
    return Account(**values) if values["id"] is not None else None


SCHEDULE_REASONS = ("scheduled", "rescheduled")  # of transitions that the author orders
#: The same orders by an author who accepts a second copy of an attempt that may be out.
FORCED_REASONS = ("scheduled_by_force", "retried_by_force")
_READER = sa.bindparam("reader", type_=posts.c.user_id.type)
_POST = select(posts).where(posts.c.id == sa.bindparam("post_id", type_=posts.c.id.type))
_VISIBLE_POST = _POST.where(access.visible_posts(_READER))
_ACCOUNT = [social_accounts.c[name] for name in ACCOUNT_FIELDS]
_POST_WITH_ACCOUNTS = (
    select(posts, *_ACCOUNT)
    .select_from(posts)
    .outerjoin(social_accounts, access.accounts_of_post())
    .where(posts.c.id == sa.bindparam("post_id", type_=posts.c.id.type), access.visible_posts(_READER))
    .order_by(social_accounts.c.created_at, social_accounts.c.id)
)


@cache
def _delivery(publishers: int) -> sa.Select[Any]:
    """Return the statement of a post, its account, the pause, and the breakers of so many publishers."""
    circuits = [breakers.alias(f"breaker_{index}") for index in range(publishers)]
    columns = [pauses.IS_PAUSED, *(table.c[column.name] for table in circuits for column in breaker.COLUMNS)]
    found = select(posts, *_ACCOUNT, *columns).select_from(posts)
    found = found.outerjoin(social_accounts, access.account_of_post())
    for index, table in enumerate(circuits):
        found = found.outerjoin(table, table.c.name == row_name(index))
    return found.where(posts.c.id == sa.bindparam("post_id", type_=posts.c.id.type))


def delivery_of(
    connection: Connection, post_id: str, publishers: int = 1
) -> tuple[Post | None, Account | None, tuple[Breaker, ...], bool]:
    """Read the post, its account, the breaker of each publisher and whether sending is paused, in one statement.

    The account is None if the post may not use it. All are empty for an unknown post.
    """
    row = connection.execute(_delivery(publishers), {"post_id": post_id}).one_or_none()
    if row is None:
        return None, None, tuple(Breaker(index=index) for index in range(publishers)), False
    width = len(breaker.COLUMNS)
    read = row[len(row) - publishers * width :]
    circuits = (breaker.to_breaker(read[at * width : (at + 1) * width], at) for at in range(publishers))
    is_paused = bool(row[len(posts.c) + len(ACCOUNT_FIELDS)])
    return to_post(row), _joined_account(row), tuple(circuits), is_paused


_ACCOUNTS = (
    select(posts.c.id.label("of_post"), *_ACCOUNT)
    .join_from(posts, social_accounts, access.account_of_post())
    .where(posts.c.id.in_(sa.bindparam("post_ids", expanding=True)))
)


def accounts_of(connection: Connection, group: Sequence[Post]) -> dict[str, Account]:
    """Return the usable accounts of these posts, by post id."""
    found = connection.execute(_ACCOUNTS, {"post_ids": [post.id for post in group]})
    return {row[0]: Account(**dict(zip(ACCOUNT_FIELDS, row[1:], strict=True))) for row in found}


def attempts_of(connection: Connection, post_id: str) -> list[Attempt]:
    statement = select(attempts).where(attempts.c.post_id == post_id).order_by(attempts.c.attempt)
    return [to_attempt(row) for row in connection.execute(statement)]


def generation_began(connection: Connection, post: Post) -> datetime | None:
    """Return the instant of this generation's first transition, the author's latest decision."""
    t = transitions.c
    statement = select(sa.func.min(t.at)).where(t.post_id == post.id, t.generation == post.generation)
    return connection.execute(statement).scalar()


def is_due_by_hand(connection: Connection, post: Post) -> bool:
    """Return True if this generation was ordered for at once and not tried yet.

    Such an order is publish now or a retry by hand. It is then the only transition of its generation.
    """
    t = transitions.c
    of_generation = (t.post_id == post.id, t.generation == post.generation)
    found = connection.execute(select(t.reason, t.at).where(*of_generation).order_by(t.id).limit(2)).all()
    if len(found) != 1 or post.scheduled_at is None:
        return False
    [order] = found
    if order.reason in ("retried_by_hand", "retried_by_force"):
        return True
    return order.reason in (*SCHEDULE_REASONS, "scheduled_by_force") and post.scheduled_at <= order.at


def is_forced(connection: Connection, post: Post) -> bool:
    """Return True if a person ordered this generation in spite of an attempt that may be out."""
    t = transitions.c
    forced = (t.post_id == post.id, t.generation == post.generation, t.reason.in_(FORCED_REASONS))
    return connection.execute(select(t.id).where(*forced).limit(1)).first() is not None


def next_scheduled_at(connection: Connection, now: datetime) -> datetime | None:
    """Return the nearest due instant from now on, or None without one."""
    statement = (
        select(posts.c.next_attempt_at)
        .where(posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at >= now)
        .order_by(posts.c.next_attempt_at)
        .limit(1)
    )
    return connection.execute(statement).scalar()
