"""Rows of social accounts, with encrypted tokens and the reconnect mark."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select, update

from app.domain.companies import Right
from app.domain.lifecycle import Status
from app.domain.post import Account
from app.store.companies import access
from app.store.ends import is_over
from app.store.engine import insert_into
from app.store.paging import After, oldest_first
from app.store.schema.tables import posts, social_accounts

ACTIVE = "active"
RECONNECT_REQUIRED = "reconnect_required"
MEMBER_LEFT = "member_left"  # the code of an alert and of posts, where the person of a shared profile has left
UNTRIED = {"refresh_lease_until": None, "refresh_retry_at": None, "refresh_failures": 0}  # the values of a new token
ACCOUNT_FIELDS = tuple(field.name for field in fields(Account))


def to_account(row: sa.Row[Any]) -> Account:
    return Account(**{name: row._mapping[name] for name in ACCOUNT_FIELDS})


def create(tx: Connection, values: dict[str, Any], now: datetime) -> Account | None:
    """Insert a new account. Returns None if its owner has connected it already, even a moment ago."""
    values = values | {"status": ACTIVE, "connected_at": now, "created_at": now, "updated_at": now}
    statement = insert_into(tx, social_accounts).values(values).on_conflict_do_nothing().returning(social_accounts)
    row = tx.execute(statement).one_or_none()
    return to_account(row) if row else None


def change(tx: Connection, account_id: str, user_id: str, values: dict[str, Any], now: datetime) -> Account | None:
    statement = update(social_accounts).where(*_own(account_id, user_id)).values(**values, updated_at=now)
    row = tx.execute(statement.returning(social_accounts)).one_or_none()
    return to_account(row) if row else None


def remove(tx: Connection, account_id: str, user_id: str) -> bool:
    return tx.execute(delete(social_accounts).where(*_own(account_id, user_id))).rowcount == 1


def in_use(connection: Connection, account_id: str) -> int:
    """Count the scheduled and publishing posts of this account."""
    busy = (Status.SCHEDULED, Status.PUBLISHING)
    where = (posts.c.social_account_id == account_id, posts.c.status.in_(busy))
    return connection.execute(select(sa.func.count()).select_from(posts).where(*where)).scalar_one()


def by_id(connection: Connection, account_id: str, user_id: str | None = None) -> Account | None:
    """Return the account, or None. With `user_id`, only an account visible to that user is returned."""
    visible = [access.allowed(social_accounts, user_id, Right.READ)] if user_id is not None else []
    return _one(connection, social_accounts.c.id == account_id, *visible)


def by_identity(
    connection: Connection, user_id: str, platform: str, external_id: str, company_id: str | None = None
) -> Account | None:
    """Return the company's account of this identity, or without a company the user's own."""
    c = social_accounts.c
    owner = sa.and_(c.company_id.is_(None), c.user_id == user_id) if company_id is None else c.company_id == company_id
    return _one(connection, owner, c.platform == platform, c.external_id == external_id)


def usable(
    connection: Connection, user_id: str, company_id: str | None, client_id: str | None, platform: str
) -> list[Account]:
    """Return the accounts usable by a post of this author, company and client, oldest first."""
    of_post = access.usable_accounts(user_id, company_id, client_id)
    statement = select(social_accounts).where(of_post, social_accounts.c.platform == platform)
    statement = statement.order_by(social_accounts.c.created_at, social_accounts.c.id)
    return [to_account(row) for row in connection.execute(statement)]


def page(
    connection: Connection, user_id: str, wanted: dict[str, str], limit: int, after: After | None
) -> list[Account]:
    """Return a page of the accounts visible to this user, oldest first.

    `wanted` maps columns to required values.
    """
    statement = select(social_accounts).where(access.allowed(social_accounts, user_id, Right.READ))
    for column, value in wanted.items():
        statement = statement.where(social_accounts.c[column] == value)
    statement = oldest_first(statement, social_accounts.c.created_at, social_accounts.c.id, limit, after)
    return [to_account(row) for row in connection.execute(statement)]


def mark_reconnect(
    tx: Connection, account_id: str, now: datetime, *, sent_at: datetime, connected_at: datetime | None = None
) -> bool:
    """Mark an account whose token was refused. Returns False if it was reconnected, and so has another token.

    `connected_at` tells which connection's token was sent. Older attempts kept none: then a connection up to `sent_at`
    is marked, and one from the future too, which a clock ahead of time made before the send.
    """
    c = social_accounts.c
    same = is_over(c.connected_at, sent_at, now) if connected_at is None else c.connected_at == connected_at
    marked = update(social_accounts).where(c.id == account_id, same)
    marked = marked.values(status=RECONNECT_REQUIRED, updated_at=now)
    return tx.execute(marked).rowcount == 1


def profiles_of(connection: Connection, user_id: str, company_id: str) -> list[str]:
    """Return the ids of this person's own profiles that the company has."""
    c = social_accounts.c
    statement = select(c.id).where(c.profile_of == user_id, c.company_id == company_id).order_by(c.id)
    return list(connection.execute(statement).scalars())


def shared_page(connection: Connection, user_id: str, limit: int, after: After | None) -> list[Account]:
    """Return a page of this person's own profiles in companies, former companies too, oldest first."""
    c = social_accounts.c
    statement = select(social_accounts).where(c.profile_of == user_id, c.company_id.is_not(None))
    statement = oldest_first(statement, c.created_at, c.id, limit, after)
    return [to_account(row) for row in connection.execute(statement)]


def withhold(tx: Connection, account_id: str, now: datetime) -> None:
    """Disconnect a profile whose person has left. A new access token connects it again.

    Without its refresh token, no refresh in flight can make the account active again.
    """
    values = {"status": RECONNECT_REQUIRED, "refresh_token": None, "refresh_expires_at": None} | UNTRIED
    tx.execute(update(social_accounts).where(social_accounts.c.id == account_id).values(**values, updated_at=now))


def withdraw(tx: Connection, account_id: str, user_id: str) -> bool:
    """Delete a profile from its company, for its person alone. Returns False if it is gone or not theirs."""
    own = (social_accounts.c.id == account_id, social_accounts.c.profile_of == user_id)
    return tx.execute(delete(social_accounts).where(*own)).rowcount == 1


def held_posts(connection: Connection, account_id: str) -> list[str]:
    """Return the ids of the scheduled posts waiting for a reconnection of this account, and lock them.

    A post held by another transaction is left out. It looks at its account again by itself.
    """
    statement = (
        select(posts.c.id)
        .where(
            posts.c.social_account_id == account_id,
            posts.c.status == Status.SCHEDULED,
            posts.c.error_code == RECONNECT_REQUIRED,
        )
        .with_for_update(skip_locked=True, key_share=True)
    )
    return list(connection.execute(statement).scalars())


def _own(account_id: str, user_id: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return social_accounts.c.id == account_id, access.allowed(social_accounts, user_id, Right.WRITE)


def _one(connection: Connection, *where: sa.ColumnElement[bool]) -> Account | None:
    row = connection.execute(select(social_accounts).where(*where)).one_or_none()
    return to_account(row) if row else None
