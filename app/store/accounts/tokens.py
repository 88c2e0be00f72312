"""The refresh of tokens: its lease and its result, one conditional UPDATE each.

Invariant: one refresh per account at a time. Its answer replaces only the tokens it was requested with.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, or_, select, update

from app.domain.oauth import REFRESHABLE
from app.domain.post import Account
from app.domain.sealing import access_token_of, refresh_token_of
from app.domain.times import CLOCK_TOLERANCE
from app.store.accounts.accounts import ACTIVE, RECONNECT_REQUIRED, to_account
from app.store.ends import is_over
from app.store.schema.tables import social_accounts

FAILURES_TO_WARN = 3  # consecutive failures before the owner is warned
LONGEST_LEASE = timedelta(minutes=15)
FAIR_WINDOW = 20_000  # accounts put in fair order at once
LONGEST_PAUSE = timedelta(hours=6)  # between failed tries
T = social_accounts.c


class DueAccount(NamedTuple):
    """An account to refresh now, and the user with whom it shares the refreshes of a sweep."""

    id: str
    owner: str


def due(connection: Connection, before: datetime, now: datetime, limit: int) -> list[DueAccount]:
    """Return the accounts to refresh now: access ends by `before`.

    The first account of each owner comes before the second of any. Of these, the one tried longest ago comes first.
    """
    wanted = _refreshable(before, now, now + LONGEST_LEASE)
    soonest = select(T.id, T.user_id, T.expires_at, T.refresh_retry_at).where(*wanted).order_by(T.expires_at, T.id)
    row = soonest.limit(FAIR_WINDOW).subquery("soonest").c
    order = (row.refresh_retry_at.is_not(None), row.refresh_retry_at, row.expires_at, row.id)
    turn = sa.func.row_number().over(partition_by=row.user_id, order_by=order)
    statement = select(row.id, row.user_id).order_by(turn, *order).limit(limit)
    return [DueAccount(*found) for found in connection.execute(statement)]


def ending(connection: Connection, before: datetime, can_refresh: bool, limit: int) -> list[str]:
    """Return the ids of accounts with access ending by `before` and no reliable refresh.

    With `can_refresh` False, no account has a refresh. Only the owner can reconnect these accounts.
    """
    unrefreshable = or_(
        T.platform != REFRESHABLE,
        T.refresh_token.is_(None),
        ~T.refresh_granted,
        T.refresh_expires_at <= before,
        T.refresh_failures >= FAILURES_TO_WARN,
    )
    where = (T.status == ACTIVE, T.expires_at <= before, *([unrefreshable] if can_refresh else []))
    return list(connection.execute(select(T.id).where(*where).order_by(T.expires_at, T.id).limit(limit)).scalars())


def acquire_lease(tx: Connection, account_id: str, before: datetime, now: datetime, until: datetime) -> Account | None:
    """Acquire the refresh lease of an account until `until`, and return the account.

    None means no refresh is due, a retry is too early, or another caller has the lease.
    """
    leased = update(social_accounts).where(T.id == account_id, *_refreshable(before, now, until))
    row = tx.execute(leased.values(refresh_lease_until=until).returning(social_accounts)).one_or_none()
    return to_account(row) if row else None


def renew(tx: Connection, account: Account, values: dict[str, Any], now: datetime) -> bool:
    """Store new tokens. Returns False if the owner reconnected or removed the account meanwhile."""
    fresh = values | {"status": ACTIVE, "connected_at": now, "updated_at": now, "refresh_failures": 0}
    fresh |= {"refresh_lease_until": None}
    return tx.execute(update(social_accounts).where(*_same_tokens(account)).values(fresh)).rowcount == 1


def drop_refresh_token(tx: Connection, account: Account, now: datetime) -> str | None:
    """Remove a refused refresh token. Return the account's status, None if the owner reconnected meanwhile.

    The refusal says nothing about the access token: the account stays active until its access ends.
    """
    values = {
        "refresh_token": None,
        "refresh_expires_at": None,
        "refresh_lease_until": None,
        "status": sa.case((T.expires_at <= now, RECONNECT_REQUIRED), else_=T.status),
        "updated_at": now,
    }
    statement = update(social_accounts).where(*_same_tokens(account)).values(values).returning(T.status)
    return tx.execute(statement).scalar_one_or_none()


def postpone(tx: Connection, account: Account, until: datetime, retry_at: datetime) -> None:
    """Count a failed refresh, release the lease that ends at `until`, and wait until `retry_at`."""
    leased = update(social_accounts).where(*_same_tokens(account), T.refresh_lease_until == until)
    values = {"refresh_lease_until": None, "refresh_retry_at": retry_at, "refresh_failures": T.refresh_failures + 1}
    tx.execute(leased.values(values))


def failures(connection: Connection, account_id: str) -> int:
    return connection.execute(select(T.refresh_failures).where(T.id == account_id)).scalar() or 0


def _refreshable(before: datetime, now: datetime, latest: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for a refresh now. `latest` is the latest end of a lease.

    Ends that a clock ahead of time has written are void. A second refresh beside a first one is safe: `_same_tokens`.
    """
    ahead = now + CLOCK_TOLERANCE
    wrong_pause = or_(
        sa.and_(T.refresh_failures > 0, T.refresh_retry_at > ahead + LONGEST_PAUSE),
        sa.and_(T.refresh_failures == 0, T.connected_at > ahead),  # this pause is part of the token's lifetime
    )
    return (
        T.platform == REFRESHABLE,
        T.status == ACTIVE,
        T.refresh_token.is_not(None),
        T.refresh_granted,
        T.expires_at <= before,
        or_(T.refresh_retry_at.is_(None), T.refresh_retry_at <= now, wrong_pause),
        or_(T.refresh_lease_until.is_(None), is_over(T.refresh_lease_until, now, latest)),
    )


def _same_tokens(account: Account) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition for an unchanged connection.

    The ciphertexts identify it, because they differ even for equal tokens.
    """
    return T.id == account.id, T.access_token == account.access_token, T.refresh_token == account.refresh_token


def sample(connection: Connection, limit: int) -> list[list[tuple[str, str]]]:
    """Return the (ciphertext, field) of each token of some accounts. Ids are random, so their order is too."""
    statement = select(T.id, T.access_token, T.refresh_token).order_by(T.id).limit(limit)
    return [
        [(text, field_of(key)) for text, field_of in ((access, access_token_of), (refresh, refresh_token_of)) if text]
        for key, access, refresh in connection.execute(statement)
    ]
