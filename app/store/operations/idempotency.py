"""Answers to requests that carry an Idempotency-Key, one row per user and key.

Promise: of any number of equal requests one is begun; its claim is committed before its work, and only who holds the
claim can write the answer or give the key back.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.store.schema.tables import idempotency_keys

K = idempotency_keys.c


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of this key, and to write down its answer."""

    user_id: str
    key: str
    holder: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the key was used for; `status` is None while that is under way."""

    fingerprint: str
    status: int | None
    headers: dict[str, str]
    body: str


def begin(
    tx: Connection, user_id: str, key: str, fingerprint: str, *, now: datetime, lease_until: datetime, keep: datetime
) -> Claim | Known | None:
    """A Claim where the key is new, past its day, or was left by somebody who died with the same request; else what is
    known of it. None when the row was forgotten in between: ask again."""
    claim = Claim(user_id, key, uuid.uuid4().hex)
    values: dict[str, Any] = {"fingerprint": fingerprint, "holder": claim.holder, "lease_until": lease_until}
    values |= {"status": None, "headers": sa.null(), "body": None, "created_at": now, "expires_at": keep}
    make = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    first = make(idempotency_keys).values(user_id=user_id, key=key, **values).on_conflict_do_nothing()
    if tx.execute(first).rowcount == 1:
        return claim
    left = sa.and_(K.status.is_(None), K.lease_until <= now, K.fingerprint == fingerprint)
    again = update(idempotency_keys).where(*_is(user_id, key), sa.or_(K.expires_at <= now, left))
    if tx.execute(again.values(values)).rowcount == 1:
        return claim
    row = tx.execute(select(K.fingerprint, K.status, K.headers, K.body).where(*_is(user_id, key))).one_or_none()
    return Known(row.fingerprint, row.status, row.headers or {}, row.body or "") if row else None


def finish(tx: Connection, claim: Claim, status: int, headers: dict[str, str], body: str) -> bool:
    """Keep the answer. False when another has taken the key over meanwhile."""
    values = {"status": status, "headers": headers, "body": body}
    return tx.execute(update(idempotency_keys).where(*_held(claim)).values(values)).rowcount == 1


def give_back(tx: Connection, claim: Claim) -> None:
    """Nothing came of it: the same request may be tried again at once."""
    tx.execute(delete(idempotency_keys).where(*_held(claim)))


def prune(tx: Connection, now: datetime, limit: int) -> int:
    """Forget keys past their day, at most `limit`; one that is claimed anew meanwhile stays."""
    old = select(K.user_id, K.key).where(K.expires_at <= now).order_by(K.expires_at).limit(limit)
    where = (sa.tuple_(K.user_id, K.key).in_(old), K.expires_at <= now)
    return tx.execute(delete(idempotency_keys).where(*where)).rowcount


def _is(user_id: str, key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return K.user_id == user_id, K.key == key


def _held(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return *_is(claim.user_id, claim.key), K.holder == claim.holder, K.status.is_(None)
