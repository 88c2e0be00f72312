"""Figures for the status route: posts by status, overdue, unarmed and parked posts.

Invariant: each figure is read along an index and bounded, regardless of the number of posts. The figures of posts are
one statement of one snapshot, with the symptoms of alerts: a statement for each would be most of the route's cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.domain.lifecycle import FINAL, Status
from app.store.operations import alert_queries, counts
from app.store.operations.counts import Kind, StoredCount
from app.store.operations.rows_of_one_statement import Figures, part, read, statement
from app.store.schema.columns import Instant
from app.store.schema.tables import posts, tallies

TRIES = 3


@dataclass(frozen=True, slots=True)
class Total:
    """The posts that ever reached a final status, and those still stored."""

    ever: int
    here: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of posts. `oldest` is the due instant of the most overdue post, `upcoming` the next one from now.

    `is_upcoming_known` is False where too many posts are due before now to see the next one.
    """

    by_status: dict[str, int]
    totals: dict[Status, Total]
    overdue: int
    oldest: datetime | None
    unarmed: int
    parked: int
    upcoming: datetime | None
    is_upcoming_known: bool
    symptoms: alert_queries.Symptoms


def of_posts(
    connection: Connection,
    counted: Mapping[Status, StoredCount],
    *,
    now: datetime,
    overdue_before: datetime,
    horizon: datetime,
) -> Statistics:
    """Read the figures of posts. Posts due from `horizon` on are parked.

    `counted` are the stored counts of final posts. All is read again if one of them moved meanwhile, because a prune
    may have followed.
    """
    values = {"now": now, "before": overdue_before, "horizon": horizon, "few": counts.EXACT_LIMIT + 1}
    values |= alert_queries.windows(now)
    for _ in range(TRIES):
        since = {f"{status}_since": counted[status].counted_until for status in FINAL}
        found = read(connection, _POSTS, values | since | {"since": min(since.values())})
        stored = _stored_in(found)
        seen, counted = counted, {status: stored.get(status, counts.NONE_STORED) for status in FINAL}
        if seen == counted:
            break
    totals = {status: _total(seen[status], found[status].count if status in found else 0) for status in FINAL}
    due, unarmed = found["scheduled"], found["unarmed"]
    few = {name: found[name].count for name in ("draft", "scheduled", "publishing", "failed")}
    few |= {"overdue": due.count2, "unarmed": unarmed.count2}
    few["parked"] = _few_parked(connection, unarmed, horizon)
    kinds = partial(large_kinds, overdue_before, horizon)
    exact = {name: _count(connection, kinds, name, number, stored) for name, number in few.items()}
    by_status = {status.value: totals[status].here if status in FINAL else exact[status] for status in Status}
    return Statistics(
        by_status,
        totals,
        exact["overdue"],
        due.at if due.count2 else None,
        exact["unarmed"],
        exact["parked"],
        due.at2,
        due.at2 is not None or due.count <= counts.EXACT_LIMIT,
        alert_queries.symptoms_in(found, _long_overdue(connection, due, now)),
    )


def _long_overdue(connection: Connection, due: Figures, now: datetime) -> alert_queries.Occurrences | None:
    """Return the posts that are long overdue. More than EXACT_LIMIT take another statement."""
    if due.count3 > counts.EXACT_LIMIT:
        return alert_queries.long_overdue(connection, now)
    return alert_queries.Occurrences(due.count3, due.at, due.at3) if due.at and due.at3 else None


def large_kinds(overdue_before: datetime, horizon: datetime) -> list[Kind]:
    """Return the kinds counted by the sweep.

    They may be too large for the status route to count.
    """
    live = [counts.of_status(status) for status in Status if status not in FINAL]
    return [*live, _overdue(overdue_before), _unarmed(horizon), _parked(horizon)]


def _overdue(before: datetime) -> Kind:
    due = posts.c.next_attempt_at
    return Kind("overdue", due, (posts.c.status == Status.SCHEDULED, due < before))


def _unarmed(horizon: datetime) -> Kind:
    due = posts.c.next_attempt_at
    return Kind("unarmed", due, (posts.c.status == Status.SCHEDULED, posts.c.message_id.is_(None), due < horizon))


def _parked(horizon: datetime) -> Kind:
    due = posts.c.next_attempt_at
    return Kind("parked", due, (posts.c.status == Status.SCHEDULED, posts.c.message_id.is_(None), due >= horizon))


def _at(name: str) -> sa.BindParameter[datetime]:
    return sa.bindparam(name, type_=Instant)


def _part_of(status: Status) -> sa.Select[Any]:
    return part(status.value, [sa.func.count()], source=counts.few(counts.of_status(status)))


def _part_of_final() -> sa.Select[Any]:
    """Count the posts of each final status after its stored count. One part of both is planned once."""
    at, status = posts.c.updated_at, posts.c.status
    since = sa.case({final: _at(f"{final}_since") for final in sorted(FINAL)}, value=status)
    later = sa.func.count().filter(at >= since)
    return part(status, [later], source=posts).where(status.in_(sorted(FINAL)), at >= _at("since")).group_by(status)


def _part_of_scheduled() -> sa.Select[Any]:
    """Return the part of the first scheduled posts by their due instant.

    It counts all of them, those due before the parameter `before`, and those long overdue. The instants are of the
    first one, the next one, and the last one that is long overdue.
    """
    at, number = counts.few(counts.of_status(Status.SCHEDULED)).c.at, sa.func.count()
    upcoming, is_long_overdue = sa.func.min(at).filter(at >= _at("now")), at < _at("long_overdue_before")
    numbers = [number, number.filter(at < _at("before")), number.filter(is_long_overdue)]
    return part("scheduled", numbers, [sa.func.min(at), upcoming, sa.func.max(at).filter(is_long_overdue)])


def _part_of_unarmed() -> sa.Select[Any]:
    """Count the first unarmed posts by their due instant, and those of them due before the parameter `horizon`."""
    is_unarmed = (posts.c.status == Status.SCHEDULED, posts.c.message_id.is_(None))
    at, number = counts.few(Kind("unarmed", posts.c.next_attempt_at, is_unarmed)).c.at, sa.func.count()
    return part("unarmed", [number, number.filter(at < _at("horizon"))])


_STORED = "stored "
_POSTS = statement(
    *map(_part_of, (Status.DRAFT, Status.PUBLISHING, Status.FAILED)),
    _part_of_final(),
    _part_of_scheduled(),
    _part_of_unarmed(),
    part(sa.literal(_STORED).concat(tallies.c.name), [tallies.c.counted, tallies.c.pruned], [tallies.c.counted_until]),
    *alert_queries.SYMPTOMS,
)


def _stored_in(found: Mapping[str, Figures]) -> dict[str, StoredCount]:
    rows = {name: row for name, row in found.items() if name.startswith(_STORED)}
    return {
        name.removeprefix(_STORED): StoredCount(row.count, row.at or counts.EPOCH, row.count2)
        for name, row in rows.items()
    }


def _total(stored: StoredCount, later: int) -> Total:
    ever = stored.counted + later
    return Total(ever, max(0, ever - stored.pruned))


def _few_parked(connection: Connection, unarmed: Figures, horizon: datetime) -> int:
    """Return the number of parked posts up to EXACT_LIMIT + 1. More unarmed posts take another statement."""
    if unarmed.count <= counts.EXACT_LIMIT:
        return int(unarmed.count - unarmed.count2)
    return counts.count_few(connection, _parked(horizon))


def _count(
    connection: Connection, kinds: Callable[[], list[Kind]], name: str, few: int, stored: Mapping[str, StoredCount]
) -> int:
    """Return the exact count up to EXACT_LIMIT. Above it, return the last sweep's count."""
    if few <= counts.EXACT_LIMIT:
        return few
    if name in stored:
        return max(stored[name].counted, few)
    return counts.count_all(connection, next(kind for kind in kinds() if kind.name == name))
