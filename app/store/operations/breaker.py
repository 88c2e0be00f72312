"""The circuit breaker in front of each n8n: one row shared by all instances.

Invariant: an open breaker allows one probe at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select, update

from app.domain.breaker import TIMEOUTS_PER_REFUSAL, Breaker, add_failure, row_name
from app.store.ends import is_over
from app.store.engine import upsert
from app.store.row_locks import skip_locked, write_unless_locked
from app.store.schema.tables import breakers

T = breakers.c
COLUMNS = (T.failures, T.opened_at, T.probe_at, T.timeouts, T.weights)


def read(connection: Connection, index: int = 0) -> Breaker:
    found = select(*COLUMNS).where(T.name == row_name(index))
    return to_breaker(connection.execute(found).one_or_none(), index)


def to_breaker(row: Sequence[Any] | None, index: int = 0) -> Breaker:
    """Build the breaker from the values of COLUMNS. They are all None without a row."""
    if row is None:
        return Breaker(index=index)
    failures, opened_at, probe_at, timeouts, weights = row
    return Breaker(failures or 0, opened_at, probe_at, timeouts or 0, weights or {}, index)


def take_probe(tx: Connection, seen: Breaker, now: datetime, until: datetime) -> bool:
    """Take the right to one probe of the open breaker, until `until`.

    Returns False if the breaker is closed, the probe is not due, or another caller moved `probe_at` first or is about
    to. An instant that a clock ahead of time has written is due: too early a probe is one request.
    """
    due = (
        T.name == row_name(seen.index),
        T.opened_at.is_not(None),
        T.probe_at == seen.probe_at,
        is_over(T.probe_at, now, until),
    )
    where = (*due, *skip_locked(tx, breakers, *due))
    return tx.execute(update(breakers).where(*where).values(probe_at=until)).rowcount == 1


def record_failure(
    tx: Connection,
    *,
    threshold: int,
    cooldown: timedelta,
    now: datetime,
    timed_out: bool = False,
    owner: str = "",
    index: int = 0,
) -> bool:
    """Count one failure of this owner. Open the breaker at the threshold, or restart the cooldown of an open one.

    The threshold is in refusals, and TIMEOUTS_PER_REFUSAL time-outs count as one. Returns True if this failure opened
    the breaker for the owner. A locked row is not waited for: this failure is then not counted.
    """
    return write_unless_locked(
        tx, "breaker", partial(_record_failure, tx, threshold, cooldown, now, timed_out, owner, index), False
    )


def _record_failure(
    tx: Connection, threshold: int, cooldown: timedelta, now: datetime, timed_out: bool, owner: str, index: int
) -> bool:
    first = {"failures": int(not timed_out), "timeouts": int(timed_out)}
    name = row_name(index)
    upsert(tx, breakers, {"name": name}, first, {column: T[column] + more for column, more in first.items()})
    before = read(tx, index)  # the row is ours until the end of the transaction
    weights = add_failure(before.weights, owner, timed_out=timed_out)
    after = replace(before, weights=weights, opened_at=before.opened_at or now)
    reached = before.opened_at is not None or before.weight >= threshold * TIMEOUTS_PER_REFUSAL
    is_open = reached and after.is_open_for(owner, threshold)
    values: dict[str, Any] = {"weights": weights}
    if is_open:
        # Never in the future, if the clock was ahead.
        values |= {"opened_at": min(after.opened_at or now, now), "probe_at": now + cooldown}
    tx.execute(update(breakers).where(T.name == name).values(values))
    return is_open and not before.is_open_for(owner, threshold)


def record_success(tx: Connection, index: int = 0) -> bool:
    """Close the breaker. Returns True if it was open.

    A locked row is not waited for: the next success closes the breaker.
    """
    return write_unless_locked(tx, "breaker", partial(_record_success, tx, row_name(index)), False)


def _record_success(tx: Connection, name: str) -> bool:
    was_open = tx.execute(select(T.opened_at).where(T.name == name)).scalar() is not None
    dirty = sa.or_(T.failures > 0, T.timeouts > 0, T.opened_at.is_not(None))
    clean = {"failures": 0, "timeouts": 0, "opened_at": None, "probe_at": None, "weights": None}
    tx.execute(update(breakers).where(T.name == name, dirty).values(clean))
    return was_open
