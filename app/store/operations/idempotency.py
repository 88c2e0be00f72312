"""Answers to requests with an Idempotency-Key, one row per user and key.

Invariant: of equal requests one is begun. Its lock is committed before its work, and only the lock's holder can write
the answer or release the key.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select, update

from app.domain.times import CLOCK_TOLERANCE
from app.store.engine import insert_into
from app.store.row_locks import take_unlocked
from app.store.schema.tables import idempotency_keys

K = idempotency_keys.c
KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeyLock:
    """The right to do the work of a key and to store its answer."""

    user_id: str
    key: str
    holder: str


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The request of a used key, and its answer. `status` is None while the request is in flight.

    `content_at` is the place in `body` at which the text of the request was left out, or None.
    """

    fingerprint: str
    status: int | None
    headers: dict[str, str]
    body: str
    content_at: int | None = None


def begin(
    tx: Connection, user_id: str, key: str, fingerprint: str, *, now: datetime, lease_until: datetime, keep: datetime
) -> KeyLock | KeyRecord | None:
    """Lock the key for a request, or return the record of its use.

    A lock is returned if the key is new, expired, or left by a dead holder of the same request. None means the row was
    deleted meanwhile, and the caller tries again. `keep` is the instant of the key's expiry.
    """
    lock = KeyLock(user_id, key, uuid.uuid4().hex)
    values: dict[str, Any] = {"fingerprint": fingerprint, "holder": lock.holder, "lease_until": lease_until}
    values |= {"status": None, "headers": sa.null(), "body": None, "content_at": None}
    values |= {"created_at": now, "expires_at": keep}
    first = insert_into(tx, idempotency_keys).values(user_id=user_id, key=key, **values).on_conflict_do_nothing()
    if tx.execute(first).rowcount == 1:
        return lock
    # A lock from the future is not over: its holder may be at work. It gets the length of a lock from now on.
    wrong = (K.status.is_(None), K.lease_until > lease_until + CLOCK_TOLERANCE)
    tx.execute(update(idempotency_keys).where(*_is(user_id, key), *wrong).values(lease_until=lease_until))
    abandoned = sa.and_(K.status.is_(None), K.lease_until <= now, K.fingerprint == fingerprint)
    again = update(idempotency_keys).where(*_is(user_id, key), sa.or_(K.expires_at <= now, abandoned))
    if tx.execute(again.values(values)).rowcount == 1:
        return lock
    columns = (K.fingerprint, K.status, K.headers, K.body, K.content_at)
    row = tx.execute(select(*columns).where(*_is(user_id, key))).one_or_none()
    return KeyRecord(row.fingerprint, row.status, row.headers or {}, row.body or "", row.content_at) if row else None


def finish(
    tx: Connection, lock: KeyLock, status: int, headers: dict[str, str], body: str, content_at: int | None = None
) -> bool:
    """Store the answer. Returns False if another request took over the key. `content_at` is as in KeyRecord."""
    values = {"status": status, "headers": headers, "body": body, "content_at": content_at}
    return tx.execute(update(idempotency_keys).where(*_locked(lock)).values(values)).rowcount == 1


def release(tx: Connection, lock: KeyLock) -> None:
    """Delete the key after failed work, so the request may be repeated at once."""
    tx.execute(delete(idempotency_keys).where(*_locked(lock)))


def prune(tx: Connection, now: datetime, limit: int) -> int:
    """Delete at most `limit` expired keys. A key locked again meanwhile stays. Returns the count."""
    latest = now + KEPT_FOR
    # A key from the future is kept for a day from now on, as an answer deleted too early lets a request run twice.
    tx.execute(update(idempotency_keys).where(K.expires_at > latest + CLOCK_TOLERANCE).values(expires_at=latest))
    old = select(K.user_id, K.key).where(K.expires_at <= now).order_by(K.expires_at).limit(limit)
    where = (sa.tuple_(K.user_id, K.key).in_(take_unlocked(tx, old)), K.expires_at <= now)
    return tx.execute(delete(idempotency_keys).where(*where)).rowcount


def _is(user_id: str, key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return K.user_id == user_id, K.key == key


def _locked(lock: KeyLock) -> tuple[sa.ColumnElement[bool], ...]:
    return *_is(lock.user_id, lock.key), K.holder == lock.holder, K.status.is_(None)
