"""Social accounts: the tokens' rows, as encrypted as they came; and the mark that an account must be reconnected."""

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
from app.store.engine import insert_into
from app.store.paging import After, oldest_first
from app.store.schema.tables import posts, social_accounts

ACTIVE = "active"
RECONNECT_REQUIRED = "reconnect_required"
UNTRIED = {"refresh_lease_until": None, "refresh_retry_at": None, "refresh_failures": 0}  # as a new token is
ACCOUNT_FIELDS = tuple(field.name for field in fields(Account))


def to_account(row: sa.Row[Any]) -> Account:
    return Account(**{name: row._mapping[name] for name in ACCOUNT_FIELDS})


def create(tx: Connection, values: dict[str, Any], now: datetime) -> Account | None:
    """A new account; None when its owner has connected it already, perhaps this very moment."""
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
    """How many posts are scheduled or going out through this account."""
    busy = (Status.SCHEDULED, Status.PUBLISHING)
    where = (posts.c.social_account_id == account_id, posts.c.status.in_(busy))
    return connection.execute(select(sa.func.count()).select_from(posts).where(*where)).scalar_one()


def by_id(connection: Connection, account_id: str, user_id: str | None = None) -> Account | None:
    """The account; with `user_id`, only if that user may see it."""
    visible = [access.allowed(social_accounts, user_id, Right.READ)] if user_id is not None else []
    return _one(connection, social_accounts.c.id == account_id, *visible)


def by_identity(
    connection: Connection, user_id: str, platform: str, external_id: str, company_id: str | None = None
) -> Account | None:
    """The one that the company has of this identity; without a company, the one that the user has."""
    c = social_accounts.c
    owner = sa.and_(c.company_id.is_(None), c.user_id == user_id) if company_id is None else c.company_id == company_id
    return _one(connection, owner, c.platform == platform, c.external_id == external_id)


def usable(
    connection: Connection, user_id: str, company_id: str | None, client_id: str | None, platform: str
) -> list[Account]:
    """What a post of this author, company and client may go out through on that platform."""
    of_post = access.usable_accounts(user_id, company_id, client_id)
    statement = select(social_accounts).where(of_post, social_accounts.c.platform == platform)
    statement = statement.order_by(social_accounts.c.created_at, social_accounts.c.id)
    return [to_account(row) for row in connection.execute(statement)]


def page(
    connection: Connection, user_id: str, wanted: dict[str, str], limit: int, after: After | None
) -> list[Account]:
    """The accounts that this user may see, oldest first, narrowed to the values of columns in `wanted`."""
    statement = select(social_accounts).where(access.allowed(social_accounts, user_id, Right.READ))
    for column, value in wanted.items():
        statement = statement.where(social_accounts.c[column] == value)
    statement = oldest_first(statement, social_accounts.c.created_at, social_accounts.c.id, limit, after)
    return [to_account(row) for row in connection.execute(statement)]


def mark_reconnect(tx: Connection, account_id: str, now: datetime, *, sent_at: datetime) -> bool:
    """The token that was sent is refused. False for one reconnected since: it has another token."""
    where = (social_accounts.c.id == account_id, social_accounts.c.connected_at <= sent_at)
    marked = update(social_accounts).where(*where).values(status=RECONNECT_REQUIRED, updated_at=now)
    return tx.execute(marked).rowcount == 1


def held_posts(connection: Connection, account_id: str) -> list[str]:
    """The scheduled posts that wait for this account to be reconnected."""
    statement = select(posts.c.id).where(
        posts.c.social_account_id == account_id,
        posts.c.status == Status.SCHEDULED,
        posts.c.error_code == RECONNECT_REQUIRED,
    )
    return list(connection.execute(statement).scalars())


def _own(account_id: str, user_id: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return social_accounts.c.id == account_id, access.allowed(social_accounts, user_id, Right.WRITE)


def _one(connection: Connection, *where: sa.ColumnElement[bool]) -> Account | None:
    row = connection.execute(select(social_accounts).where(*where)).one_or_none()
    return to_account(row) if row else None
