"""How many posts there are, at a cost that does not grow with them.

A counter that every transition moves would be one hot row for a burst of a thousand dispatches, so nobody keeps one:

- Published and cancelled are final, so a post once counted is counted for ever. The sweep moves `counted_until` forward
  and adds what it passes; a reader adds what came since. Exact, and pruning takes nothing from the total.
- All others are counted along a partial index up to AT_MOST, exactly; where there are more, what the last sweep counted
  is told instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection, select, update

from app.domain.lifecycle import FINAL, Status
from app.store.operations.alerts import upsert
from app.store.posts.transition_sql import Condition
from app.store.schema.tables import posts, tallies

AT_MOST = 1_000
STEP = 50_000  # posts that one advance passes at most
TRIES = 3
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A post is counted once its last change is this old: no transaction lasts so long, and no clock is so far behind.
SETTLED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Kind:
    """Posts of one `name`; `key` leads through the index that holds just these."""

    name: str
    key: sa.ColumnElement[datetime | None]
    where: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """Of a final status: how many posts ever reached it, and how many of them are still here."""

    ever: int
    here: int


@dataclass(frozen=True, slots=True)
class _Tally:
    counted: int
    counted_until: datetime
    pruned: int


def of_status(status: Status) -> Kind:
    keys = {Status.SCHEDULED: posts.c.next_attempt_at, Status.PUBLISHING: posts.c.lease_until}
    return Kind(status.value, keys.get(status, posts.c.updated_at), (posts.c.status == status,))


def count(connection: Connection, kind: Kind) -> int:
    """Exact up to AT_MOST; of more, as many as the last sweep counted."""
    few, stored = _count_few(connection, kind)
    if few <= AT_MOST:
        return few
    return max(stored, few) if stored is not None else _count_all(connection, kind)


def recount(tx: Connection, kind: Kind, now: datetime) -> None:
    """Keep the count of a kind that is too large for a reader to count."""
    if _count_few(tx, kind)[0] > AT_MOST:
        values = {"counted": _count_all(tx, kind), "counted_until": now}
        upsert(tx, tallies, {"name": kind.name}, values | {"pruned": 0}, values)


def total(connection: Connection, status: Status) -> Total:
    """The tally, and what came since. Counted again if the tally moved meanwhile: a prune may have followed it."""
    assert status in FINAL
    tally = _tally(connection, status)
    for _ in range(TRIES):
        since = (posts.c.status == status, posts.c.updated_at >= tally.counted_until)
        came = connection.execute(select(sa.func.count()).select_from(posts).where(*since)).scalar_one()
        seen, tally = tally, _tally(connection, status)
        if tally == seen:
            break
    return Total(seen.counted + came, max(0, seen.counted + came - seen.pruned))


def advance(tx: Connection, status: Status, now: datetime) -> bool:
    """Count the next STEP posts of a final status that are settled. True when there are more."""
    assert status in FINAL
    began, end = counted_until(tx, status), now - SETTLED
    if began >= end:
        return False
    passed = (posts.c.status == status, posts.c.updated_at >= began, posts.c.updated_at < end)
    edge = select(posts.c.updated_at).where(*passed).order_by(posts.c.updated_at).offset(STEP).limit(1)
    found = tx.execute(edge).scalar()
    stop = end if found is None else max(found, began + timedelta(microseconds=1))
    more = select(sa.func.count()).select_from(posts).where(*passed, posts.c.updated_at < stop)
    number = tx.execute(more).scalar_one()
    first = {"counted": 0, "counted_until": began, "pruned": 0}
    upsert(tx, tallies, {"name": status.value}, first, {"name": status.value})
    seen = (tallies.c.name == status.value, tallies.c.counted_until == began)  # or another has counted these meanwhile
    tx.execute(update(tallies).where(*seen).values(counted=tallies.c.counted + number, counted_until=stop))
    return found is not None


def counted_until(connection: Connection, status: Status) -> datetime:
    return _tally(connection, status).counted_until


def note_pruned(tx: Connection, status: Status, number: int) -> None:
    tx.execute(update(tallies).where(tallies.c.name == status.value).values(pruned=tallies.c.pruned + number))


def _tally(connection: Connection, status: Status) -> _Tally:
    columns = (tallies.c.counted, tallies.c.counted_until, tallies.c.pruned)
    row = connection.execute(select(*columns).where(tallies.c.name == status.value)).one_or_none()
    return _Tally(*row) if row else _Tally(0, EPOCH, 0)


def _count_few(connection: Connection, kind: Kind) -> tuple[int, int | None]:
    """And what the last sweep counted, in the same statement: with many posts there is not one more to wait for.
    Ordered by the index's own key, or PostgreSQL reads the whole table in the hope of an early end."""
    few = select(sa.literal(1)).select_from(posts).where(*kind.where).order_by(kind.key).limit(AT_MOST + 1).subquery()
    stored = select(tallies.c.counted).where(tallies.c.name == kind.name).scalar_subquery()
    found = connection.execute(select(sa.func.count(), stored).select_from(few)).one()
    return found[0], found[1]


def _count_all(connection: Connection, kind: Kind) -> int:
    return connection.execute(select(sa.func.count()).select_from(posts).where(*kind.where)).scalar_one()
