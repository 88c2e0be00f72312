"""Counts of calls in fixed windows, one row per caller and limit.

Invariant: a call is one statement, so no two workers lose each other's count.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select

from app.domain.times import CLOCK_TOLERANCE
from app.store.ends import is_over
from app.store.engine import insert_into
from app.store.row_locks import take_unlocked
from app.store.schema.columns import Instant
from app.store.schema.tables import rate_limits

R = rate_limits.c
LONGEST = timedelta(days=1)  # of any limit


@dataclass(frozen=True, slots=True)
class Window:
    """The calls counted in a window, and its end."""

    hits: int
    ends_at: datetime


def hit(connection: Connection, key: str, amount: int, now: datetime, length: timedelta) -> Window:
    """Count `amount` calls, and begin a new window where the last one is over."""
    values = {"of_key": _hash(key), "amount": amount, "now": now, "end": now + length}
    values["latest"] = now + length + CLOCK_TOLERANCE
    return Window(*connection.execute(_hit(connection), values).one())


def read(connection: Connection, key: str, now: datetime) -> Window | None:
    """Return the current window, None without one."""
    row = connection.execute(select(R.hits, R.ends_at).where(R.key == _hash(key), R.ends_at > now)).one_or_none()
    return Window(*row) if row else None


def clear(tx: Connection, key: str | None) -> None:
    """Delete the window of a key, or all with None."""
    tx.execute(delete(rate_limits).where(*([] if key is None else [R.key == _hash(key)])))


def prune(tx: Connection, now: datetime, limit: int) -> int:
    """Delete at most `limit` windows that are over. Returns the count."""
    over = is_over(R.ends_at, now, now + LONGEST)
    old = take_unlocked(tx, select(R.key).where(over).order_by(R.ends_at).limit(limit))
    return tx.execute(delete(rate_limits).where(R.key.in_(old), over)).rowcount


_STATEMENTS: dict[str, Any] = {}  # by dialect. Building one costs more than executing it


def _hit(connection: Connection) -> Any:
    dialect = connection.dialect.name
    if dialect not in _STATEMENTS:
        end, now, latest = (sa.bindparam(name, type_=Instant) for name in ("end", "now", "latest"))
        amount = sa.bindparam("amount", type_=sa.Integer)
        over = sa.or_(R.ends_at <= now, R.ends_at > latest)  # a clock ahead of time wrote a later end
        again = {"hits": sa.case((over, amount), else_=R.hits + amount)}
        again |= {"ends_at": sa.case((over, end), else_=R.ends_at)}
        first = insert_into(connection, rate_limits).values(key=sa.bindparam("of_key"), hits=amount, ends_at=end)
        kept = first.on_conflict_do_update(index_elements=[R.key], set_=again)
        _STATEMENTS[dialect] = kept.returning(R.hits, R.ends_at)
    return _STATEMENTS[dialect]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
