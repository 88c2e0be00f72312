"""Rows of personal API keys. Keys are stored as hashes.

Invariant: an ended key is never valid again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, or_, select, update

from app.domain.api_keys import KEPT_AFTER_END, USE_PRECISION, ApiKey
from app.store.paging import After, oldest_first
from app.store.row_locks import skip_locked, take_unlocked
from app.store.schema.columns import Condition
from app.store.schema.tables import api_keys

T = api_keys.c
_COLUMNS: tuple[sa.Column[Any], ...] = (
    *(T.id, T.user_id, T.name, T.prefix, T.scopes),
    *(T.created_at, T.expires_at, T.last_used_at, T.revoked_at),
)


def create(tx: Connection, key: ApiKey, token_hash: str) -> None:
    values = {column.name: getattr(key, column.name) for column in _COLUMNS}
    tx.execute(insert(api_keys).values(values | {"token_hash": token_hash}))


def by_hash(connection: Connection, token_hash: str) -> ApiKey | None:
    """Return the key, also an ended one, or None."""
    row = connection.execute(select(*_COLUMNS).where(T.token_hash == token_hash)).one_or_none()
    return _to_key(row) if row else None


def page(connection: Connection, user_id: str, limit: int, after: After | None) -> list[ApiKey]:
    """Return a page of the user's keys, oldest first. Revoked ones are left out, expired ones are not."""
    statement = select(*_COLUMNS).where(T.user_id == user_id, T.revoked_at.is_(None))
    return [_to_key(row) for row in connection.execute(oldest_first(statement, T.created_at, T.id, limit, after))]


def revoke(tx: Connection, user_id: str, now: datetime, key_id: str | None = None) -> list[str]:
    """Revoke one key of the user, or all with None. Returns the ids of those that were not revoked before."""
    own: list[Condition] = [T.user_id == user_id, T.revoked_at.is_(None)]
    own += [T.id == key_id] if key_id is not None else []
    revoked = update(api_keys).where(*own).values(revoked_at=now, expires_at=now).returning(T.id)
    return list(tx.execute(revoked).scalars())


def note_use(connection: Connection, key_id: str, now: datetime) -> None:
    """Write the instant of a use, unless one of the last minute is written. A row locked by another call is skipped."""
    stale = or_(T.last_used_at.is_(None), T.last_used_at <= now - USE_PRECISION, T.last_used_at > now)
    where = (T.id == key_id, stale)
    free = skip_locked(connection, api_keys, *where)
    connection.execute(update(api_keys).where(*where, *free).values(last_used_at=now))


def prune(tx: Connection, now: datetime, limit: int) -> int:
    """Delete at most `limit` keys that ended long ago. Returns the count."""
    old = select(T.id).where(T.expires_at <= now - KEPT_AFTER_END).order_by(T.expires_at).limit(limit)
    return tx.execute(delete(api_keys).where(T.id.in_(take_unlocked(tx, old)))).rowcount


def _to_key(row: sa.Row[Any]) -> ApiKey:
    return ApiKey(**row._mapping)
