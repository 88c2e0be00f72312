"""Counts of posts at a bounded cost.

A counter moved by every transition would be one hot row in a burst of a thousand dispatches, so none is kept.

- Published and cancelled are final, so each such post is counted once. The sweep moves `counted_until` forward and adds
  the posts it passes. A reader adds the later ones. The total is exact, and pruning does not lower it.
- Posts of any other status are counted exactly along a partial index, up to EXACT_LIMIT. Above it, the reader returns
  the last sweep's count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection, select, update

from app.domain.lifecycle import FINAL, Status
from app.domain.times import CLOCK_TOLERANCE
from app.store.engine import upsert
from app.store.schema.columns import Condition
from app.store.schema.tables import posts, tallies

EXACT_LIMIT = 250
STEP = 50_000  # the most posts passed by one advance
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A final post is counted when its last change is this old. No transaction lasts longer and no clock is further behind.
SETTLED = timedelta(minutes=10)
FEW = sa.bindparam("few", type_=sa.Integer)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of posts to count. `key` is the key of the index that covers the kind."""

    name: str
    key: sa.ColumnElement[datetime | None]
    where: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class StoredCount:
    """A row of the stored counts. NONE_STORED stands for an absent one."""

    counted: int
    counted_until: datetime
    pruned: int


NONE_STORED = StoredCount(0, EPOCH, 0)


def of_status(status: Status) -> Kind:
    keys = {Status.SCHEDULED: posts.c.next_attempt_at, Status.PUBLISHING: posts.c.lease_until}
    return Kind(status.value, keys.get(status, posts.c.updated_at), (posts.c.status == status,))


def recount(tx: Connection, kind: Kind, now: datetime) -> None:
    """Store the count of a kind larger than EXACT_LIMIT."""
    if count_few(tx, kind) > EXACT_LIMIT:
        values = {"counted": count_all(tx, kind), "counted_until": now}
        upsert(tx, tallies, {"name": kind.name}, values | {"pruned": 0}, values)


def advance(tx: Connection, status: Status, now: datetime) -> bool:
    """Count the next STEP settled posts of a final status. Returns True if more remain."""
    assert status in FINAL
    began, end = counted_until(tx, status), now - SETTLED
    if began > now + CLOCK_TOLERANCE:
        _count_again(tx, status, began, end)
        return False
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
    # If a concurrent advance has counted these posts, `counted_until` has moved.
    seen = (tallies.c.name == status.value, tallies.c.counted_until == began)
    tx.execute(update(tallies).where(*seen).values(counted=tallies.c.counted + number, counted_until=stop))
    return found is not None


def _count_again(tx: Connection, status: Status, began: datetime, end: datetime) -> None:
    """Count the settled posts of a final status afresh, because a clock ahead of time has passed over later ones."""
    settled = select(sa.func.count()).select_from(posts).where(posts.c.status == status, posts.c.updated_at < end)
    seen = (tallies.c.name == status.value, tallies.c.counted_until == began)
    counted = tallies.c.pruned + settled.scalar_subquery()
    tx.execute(update(tallies).where(*seen).values(counted=counted, counted_until=end))


def counted_until(connection: Connection, status: Status) -> datetime:
    return _stored_count(connection, status).counted_until


def note_pruned(tx: Connection, status: Status, number: int) -> None:
    tx.execute(update(tallies).where(tallies.c.name == status.value).values(pruned=tallies.c.pruned + number))


def _stored_count(connection: Connection, status: Status) -> StoredCount:
    columns = (tallies.c.counted, tallies.c.counted_until, tallies.c.pruned)
    row = connection.execute(select(*columns).where(tallies.c.name == status.value)).one_or_none()
    return StoredCount(*row) if row else NONE_STORED


def few(kind: Kind) -> sa.Subquery:
    """Select the keys of a kind up to the parameter `few`, in the order of its index.

    The order keeps PostgreSQL from scanning the whole table in the hope of an early end.
    """
    return select(kind.key.label("at")).where(*kind.where).order_by(kind.key).limit(FEW).subquery()


def count_few(connection: Connection, kind: Kind) -> int:
    """Count a kind up to EXACT_LIMIT + 1."""
    number = select(sa.func.count()).select_from(few(kind))
    return connection.execute(number, {"few": EXACT_LIMIT + 1}).scalar_one()


def count_all(connection: Connection, kind: Kind) -> int:
    return connection.execute(select(sa.func.count()).select_from(posts).where(*kind.where)).scalar_one()
