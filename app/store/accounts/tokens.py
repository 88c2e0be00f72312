"""Tokens that are renewed: whose turn it is, and what came of it. One guarded UPDATE each.

Promise: one refresh per account at a time, and its answer never overwrites tokens other than those it was asked with.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, or_, select, update

from app.domain.oauth import REFRESHABLE
from app.domain.post import Account
from app.store.accounts.accounts import ACTIVE, RECONNECT_REQUIRED, to_account
from app.store.schema.tables import social_accounts

MANY_FAILURES = 3  # in a row: from then on a person should know
T = social_accounts.c


def due(connection: Connection, before: datetime, now: datetime, limit: int) -> list[str]:
    """Accounts whose access ends before, and that may be renewed now; the soonest first."""
    statement = select(T.id).where(*_refreshable(before, now)).order_by(T.expires_at, T.id).limit(limit)
    return list(connection.execute(statement).scalars())


def ending(connection: Connection, before: datetime, can_refresh: bool, limit: int) -> list[str]:
    """Accounts whose access ends before, and that nobody but their owner can be counted on to renew."""
    hopeless = or_(
        T.platform != REFRESHABLE,
        T.refresh_token.is_(None),
        T.refresh_expires_at <= before,
        T.refresh_failures >= MANY_FAILURES,
    )
    where = (T.status == ACTIVE, T.expires_at <= before, *([hopeless] if can_refresh else []))
    return list(connection.execute(select(T.id).where(*where).order_by(T.expires_at, T.id).limit(limit)).scalars())


def take_turn(tx: Connection, account_id: str, before: datetime, now: datetime, until: datetime) -> Account | None:
    """The account, to the one caller who may renew its tokens until `until`; None when nothing is to be done, it is
    too early to try again, or another is at it."""
    taken = update(social_accounts).where(T.id == account_id, *_refreshable(before, now))
    row = tx.execute(taken.values(refresh_lease_until=until).returning(social_accounts)).one_or_none()
    return to_account(row) if row else None


def renew(tx: Connection, asked: Account, values: dict[str, Any], now: datetime) -> bool:
    """Store new tokens. False when the owner reconnected, or removed the account, while we asked."""
    fresh = values | {"status": ACTIVE, "connected_at": now, "updated_at": now, "refresh_failures": 0}
    fresh |= {"refresh_lease_until": None}
    return tx.execute(update(social_accounts).where(*_as_asked(asked)).values(fresh)).rowcount == 1


def refuse(tx: Connection, asked: Account, now: datetime) -> bool:
    """The refresh token is no longer good. False when the owner reconnected while we asked."""
    values = {"status": RECONNECT_REQUIRED, "updated_at": now, "refresh_lease_until": None}
    return tx.execute(update(social_accounts).where(*_as_asked(asked)).values(values)).rowcount == 1


def put_off(tx: Connection, asked: Account, until: datetime, retry_at: datetime) -> None:
    """It did not work this time: the turn that ends at `until` is over, and the next is not before `retry_at`."""
    mine = update(social_accounts).where(*_as_asked(asked), T.refresh_lease_until == until)
    values = {"refresh_lease_until": None, "refresh_retry_at": retry_at, "refresh_failures": T.refresh_failures + 1}
    tx.execute(mine.values(values))


def failures(connection: Connection, account_id: str) -> int:
    return connection.execute(select(T.refresh_failures).where(T.id == account_id)).scalar() or 0


def _refreshable(before: datetime, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        T.platform == REFRESHABLE,
        T.status == ACTIVE,
        T.refresh_token.is_not(None),
        T.expires_at <= before,
        or_(T.refresh_retry_at.is_(None), T.refresh_retry_at <= now),
        or_(T.refresh_lease_until.is_(None), T.refresh_lease_until <= now),
    )


def _as_asked(asked: Account) -> tuple[sa.ColumnElement[bool], ...]:
    """Ciphertexts differ even for equal tokens, so they tell one connection from the next."""
    return T.id == asked.id, T.access_token == asked.access_token, T.refresh_token == asked.refresh_token
