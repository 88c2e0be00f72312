"""Rows of invitations to companies. Tokens are stored as hashes.

Invariant: an invitation is accepted once. The caller holds the company's exclusive lock for every change.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, or_, select, update

from app.domain.companies import MAX_INVITATION_LIFETIME, Invitation, Role
from app.domain.times import CLOCK_TOLERANCE
from app.store.ends import is_over
from app.store.paging import After, oldest_first
from app.store.row_locks import take_unlocked
from app.store.schema.columns import Condition
from app.store.schema.tables import companies, invitations

T = invitations.c
_COLUMNS: tuple[sa.Column[Any], ...] = (
    *(T.id, T.company_id, T.user_id, T.email, T.role),
    *(T.invited_by, T.created_at, T.expires_at, T.accepted_at, T.accepted_by),
)


def create(tx: Connection, invitation: Invitation, token_hash: str) -> None:
    values = {column.name: getattr(invitation, column.name) for column in _COLUMNS}
    tx.execute(insert(invitations).values(values | {"token_hash": token_hash}))


def end_pending_for(tx: Connection, company_id: str, user_id: str | None, email: str | None) -> list[str]:
    """Delete the pending invitations of this user or this address. Returns their ids."""
    if user_id is None and email is None:
        return []
    same = or_(sa.and_(T.user_id.is_not(None), T.user_id == user_id), sa.and_(T.email.is_not(None), T.email == email))
    return _delete_pending(tx, T.company_id == company_id, same)


def end_pending_by(tx: Connection, company_id: str, inviter: str) -> list[str]:
    """Delete the pending invitations by this member. Returns their ids."""
    return _delete_pending(tx, T.company_id == company_id, T.invited_by == inviter)


def revoke(tx: Connection, company_id: str, invitation_id: str) -> bool:
    return bool(_delete_pending(tx, T.company_id == company_id, T.id == invitation_id))


def by_hash(connection: Connection, token_hash: str) -> Invitation | None:
    return _one(connection, T.token_hash == token_hash)


def by_id_for(connection: Connection, invitation_id: str, user_id: str) -> Invitation | None:
    """Return the invitation of exactly this user, or None."""
    return _one(connection, T.id == invitation_id, T.user_id == user_id)


def accept(tx: Connection, invitation_id: str, user_id: str, now: datetime) -> None:
    tx.execute(update(invitations).where(T.id == invitation_id).values(accepted_at=now, accepted_by=user_id))


def is_valid(invitation: Invitation, now: datetime) -> bool:
    """Return True before the end. An end later than any written now is from a clock ahead of time, and has passed."""
    return now < invitation.expires_at <= now + MAX_INVITATION_LIFETIME + CLOCK_TOLERANCE


def count_pending(connection: Connection, company_id: str, now: datetime) -> int:
    where = (T.company_id == company_id, *_pending(now))
    return connection.execute(select(sa.func.count()).select_from(invitations).where(*where)).scalar_one()


def page(connection: Connection, company_id: str, now: datetime, limit: int, after: After | None) -> list[Invitation]:
    """Return a page of a company's pending invitations, oldest first."""
    statement = select(*_COLUMNS).where(T.company_id == company_id, *_pending(now))
    return [_to_invitation(row) for row in connection.execute(_oldest(statement, limit, after))]


def page_for(
    connection: Connection, user_id: str, now: datetime, limit: int, after: After | None
) -> list[tuple[Invitation, str]]:
    """Return a page of the pending invitations of this user, oldest first, each with the company's name."""
    statement = select(*_COLUMNS, companies.c.name).join_from(invitations, companies)
    statement = statement.where(T.user_id == user_id, *_pending(now))
    return [(_to_invitation(row), row.name) for row in connection.execute(_oldest(statement, limit, after))]


def prune(tx: Connection, now: datetime, limit: int) -> int:
    """Delete at most `limit` invitations past their end. Returns the count."""
    over = is_over(T.expires_at, now, now + MAX_INVITATION_LIFETIME)
    old = select(T.id).where(over).order_by(T.expires_at).limit(limit)
    return tx.execute(delete(invitations).where(T.id.in_(take_unlocked(tx, old)))).rowcount


def _pending(now: datetime) -> tuple[Condition, Condition]:
    return T.accepted_at.is_(None), ~is_over(T.expires_at, now, now + MAX_INVITATION_LIFETIME)


def _delete_pending(tx: Connection, *where: Condition) -> list[str]:
    return list(tx.execute(delete(invitations).where(*where, T.accepted_at.is_(None)).returning(T.id)).scalars())


def _oldest(statement: sa.Select[Any], limit: int, after: After | None) -> sa.Select[Any]:
    return oldest_first(statement, T.created_at, T.id, limit, after)


def _one(connection: Connection, *where: Condition) -> Invitation | None:
    row = connection.execute(select(*_COLUMNS).where(*where)).one_or_none()
    return _to_invitation(row) if row else None


def _to_invitation(row: sa.Row[Any]) -> Invitation:
    values = {column.name: row._mapping[column.name] for column in _COLUMNS}
    return Invitation(**{**values, "role": Role(row.role)})
