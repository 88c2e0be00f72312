"""Reads of posts: one post, its attempts, and the sweep's queries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.breaker import Breaker
from app.domain.lifecycle import Status
from app.domain.post import Account, Attempt, Post
from app.store.accounts.accounts import ACCOUNT_FIELDS
from app.store.companies import access
from app.store.ends import is_over
from app.store.operations.breaker import NAME
from app.store.paging import After, oldest_first
from app.store.posts import arming
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


LONGEST_SWEEP = timedelta(minutes=15)  # later marks of a sweep are from a clock ahead of time
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
_DELIVERY = (
    select(posts, *_ACCOUNT, breakers.c.failures, breakers.c.opened_at, breakers.c.probe_at, breakers.c.timeouts)
    .select_from(posts)
    .outerjoin(social_accounts, access.account_of_post())
    .outerjoin(breakers, breakers.c.name == NAME)
    .where(posts.c.id == sa.bindparam("post_id", type_=posts.c.id.type))
)


def delivery_of(connection: Connection, post_id: str) -> tuple[Post | None, Account | None, Breaker]:
    """Read the post, its account and the breaker for a delivery, in one statement.

    The account is None if the post may not use it. All are empty for an unknown post.
    """
    row = connection.execute(_DELIVERY, {"post_id": post_id}).one_or_none()
    if row is None:
        return None, None, Breaker()
    failures, opened_at, probe_at, timeouts = row[-4:]
    return to_post(row), _joined_account(row), Breaker(failures or 0, opened_at, probe_at, timeouts or 0)


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


def expired(connection: Connection, now: datetime, limit: int, after: After | None) -> list[Post]:
    """Return a batch of publishing posts past their lease, oldest lease first.

    Posts held by another transaction are left out: they are being changed, and each would be a wait.
    """
    statement = select(posts).where(posts.c.status == Status.PUBLISHING, posts.c.lease_until < now)
    statement = statement.with_for_update(skip_locked=True, key_share=True)
    return _paged(connection, statement, "lease_until", limit, after)


def overdue(
    connection: Connection, before: datetime, swept_before: datetime, limit: int, after: After | None
) -> list[Post]:
    """Return a batch of posts due before `before` and not swept since `swept_before`, oldest first."""
    return _paged(connection, select(posts).where(*_overdue(before, swept_before)), "next_attempt_at", limit, after)


def count_overdue(connection: Connection, before: datetime, swept_before: datetime) -> int:
    """Count overdue posts without a message or not swept since `swept_before`."""
    left = sa.or_(*_not_swept_since(swept_before), posts.c.message_id.is_(None))
    where = (posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at < before, left)
    return connection.execute(select(sa.func.count()).select_from(posts).where(*where)).scalar_one()


def _overdue(before: datetime, swept_before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at < before, sa.or_(*_not_swept_since(swept_before))


def _not_swept_since(swept_before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    from_wrong_clock = posts.c.swept_at > swept_before + LONGEST_SWEEP
    return posts.c.swept_at.is_(None), posts.c.swept_at < swept_before, from_wrong_clock


def unarmed(
    connection: Connection,
    start: datetime,
    end: datetime,
    settled_before: datetime,
    limit: int,
    after: After | None,
) -> list[Post]:
    """Return a batch of scheduled posts due within [start, end) without a message.

    Posts changed after `settled_before` are left out, because their writer may still wait for the message service. A
    change in the future was written by a clock ahead of time, and counts as past.
    """
    statement = select(posts).where(
        posts.c.status == Status.SCHEDULED,
        posts.c.message_id.is_(None),
        posts.c.next_attempt_at >= start,
        posts.c.next_attempt_at < end,
        is_over(posts.c.updated_at, settled_before, settled_before + LONGEST_SWEEP),
    )
    return _paged(connection, statement, "next_attempt_at", limit, after)


def armed_otherwise(
    connection: Connection, fingerprint: str, start: datetime, limit: int, after: After | None
) -> list[Post]:
    """Return a batch of scheduled posts due from `start` on, with messages of another content than `fingerprint`."""
    due = (posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at >= start)
    statement = select(posts).where(*due, arming.armed_otherwise(fingerprint))
    return _paged(connection, statement, "next_attempt_at", limit, after)


def _paged(connection: Connection, statement: sa.Select[Any], key: str, limit: int, after: After | None) -> list[Post]:
    statement = oldest_first(statement, posts.c[key], posts.c.id, limit, after)
    return [to_post(row) for row in connection.execute(statement)]


def next_scheduled_at(connection: Connection, now: datetime) -> datetime | None:
    """Return the nearest due instant from now on, or None without one."""
    statement = (
        select(posts.c.next_attempt_at)
        .where(posts.c.status == Status.SCHEDULED, posts.c.next_attempt_at >= now)
        .order_by(posts.c.next_attempt_at)
        .limit(1)
    )
    return connection.execute(statement).scalar()
