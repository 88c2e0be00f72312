"""The counters made of attempts: they grow with each read, and deleted rows do not lower them.

Invariant: a read costs one scan of the latest attempts along their index, at most MAX_ROWS, for any number of posts.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.domain.errors import Unavailable
from app.domain.metrics import COLUMNS, MEASURES, Figures, Measure, grown
from app.domain.outcomes import Outcome
from app.store.engine import Database
from app.store.operations.timings import elapsed_ms
from app.store.schema.columns import Instant
from app.store.schema.tables import attempts, metric_states, posts

MAX_ROWS = 200_000  # attempts of one read. With more of them the counters lag, and catch up later
NAME = "attempts"
_S = metric_states.c
_SINCE, _EDGE = sa.bindparam("since", type_=Instant), sa.bindparam("edge", type_=Instant)


@dataclass(frozen=True, slots=True)
class State:
    """The stored totals, and the figures of the rows since `counted_from` that are in them."""

    version: int
    counted_from: datetime
    totals: Figures
    seen: Figures


def advance(db: Database, now: datetime, settled_after: timedelta) -> Figures:
    """Add the news of the latest attempts to the totals. Store and return them.

    The first call counts nothing from before it. Of two calls at once, one stores its totals. A database that takes no
    writes leaves them unstored.

    Raises: Unavailable.
    """
    edge = now - settled_after
    with db.reading() as connection:
        state = _read(connection)
        older, newer = _figures(connection, state.counted_from if state else edge, edge)
    seen = _sum(older, newer)
    if state is None:
        _store(db, State(0, edge, {}, seen))
        return {}
    totals = grown(state.totals, state.seen, seen)
    _store(db, State(state.version, max(edge, state.counted_from), totals, newer))
    return totals


def _sum(one: Figures, other: Figures) -> Figures:
    none = [0.0] * len(COLUMNS)
    return {key: [a + b for a, b in zip(one.get(key, none), other.get(key, none), strict=True)] for key in one | other}


def _read(connection: Connection) -> State | None:
    row = connection.execute(select(_S.version, _S.counted_from, _S.totals, _S.seen).where(_S.name == NAME)).first()
    return State(*row) if row else None


def _store(db: Database, state: State) -> None:
    """Store the state in place of the one with its version, unless another call was quicker."""
    values = {"version": state.version + 1, "counted_from": state.counted_from}
    values |= {"totals": state.totals, "seen": state.seen}
    with suppress(Unavailable, IntegrityError), db.transaction() as tx:
        if state.version == 0:
            tx.execute(insert(metric_states).values(name=NAME, **values))
        else:
            tx.execute(update(metric_states).where(_S.name == NAME, _S.version == state.version).values(values))


def _figures(connection: Connection, since: datetime, edge: datetime) -> tuple[Figures, Figures]:
    """Return the figures of the attempts from `since` to `edge`, and of those from `edge` on."""
    older: Figures = {}
    newer: Figures = {}
    values = {"since": since, "edge": edge}
    for row in connection.execute(_statement(connection.dialect.name), values):
        side = newer if row.is_newer else older
        _add(side.setdefault(f"{row.platform}|{row.publisher}", [0.0] * len(COLUMNS)), row._mapping)
    return older, newer


def _add(figures: list[float], row: sa.RowMapping) -> None:
    """Add a group of attempts with the same buckets and outcome."""
    for measure in MEASURES:
        bucket = row[f"{measure.name} bucket"]
        if bucket is not None:
            figures[_PLACE[f"{measure.name} {bucket}"]] += row["number"]
            figures[_PLACE[f"{measure.name} sum"]] += row[f"{measure.name} sum"]
    if row["is_accepted"]:
        figures[_PLACE[f"outcome {Outcome.ACCEPTED}"]] += row["number"]
    ended = _PLACE.get(f"outcome {row['ended_as']}")
    if ended is not None:  # newer code may know other outcomes
        figures[ended] += row["number"]


_PLACE = {column: place for place, column in enumerate(COLUMNS)}


@cache
def _statement(dialect: str) -> sa.Select[Any]:
    """Build the statement: one scan of the latest attempts, grouped by their labels, buckets and outcome.

    A count for each bucket would be some 60 aggregates of each row, and five times the cost.
    """
    a = attempts.c
    ended_as = sa.case((sa.and_(a.finished_at.is_not(None), a.outcome != Outcome.ACCEPTED.value), a.outcome))
    labels = [
        posts.c.platform,
        sa.func.coalesce(a.publisher, 0).label("publisher"),
        sa.case((a.started_at >= _EDGE, 1), else_=0).label("is_newer"),
        sa.case((a.accepted_at.is_not(None), 1), else_=0).label("is_accepted"),
        ended_as.label("ended_as"),
    ]
    seconds = [value.label(name) for name, value in _seconds(dialect).items()]
    latest = select(*labels, *seconds).join_from(attempts, posts, posts.c.id == a.post_id)
    row = latest.where(a.started_at >= _SINCE).order_by(a.started_at).limit(MAX_ROWS).subquery("latest").c
    groups = [row[label.name] for label in labels]
    groups += [_bucket(measure, row[measure.name]).label(f"{measure.name} bucket") for measure in MEASURES]
    sums = [sa.func.sum(row[measure.name]).label(f"{measure.name} sum") for measure in MEASURES]
    counted = select(*groups, sa.func.count().label("number"), *sums)
    return counted.group_by(*(sa.literal_column(str(place)) for place in range(1, len(groups) + 1)))


def _bucket(measure: Measure, value: Any) -> sa.ColumnElement[int | None]:
    """Return the number of the value's bucket, null without a value."""

    def number(place: int) -> sa.ColumnElement[int]:
        return sa.literal_column(str(place), sa.Integer)

    bounds = [(value <= bound, number(place)) for place, bound in enumerate(measure.bounds)]
    return sa.case(*bounds, (value.is_not(None), number(len(measure.bounds))))


def _seconds(dialect: str) -> Mapping[str, sa.ColumnElement[Any]]:
    """Return the value of each measure in seconds, null where an attempt has none.

    The lateness is that of closed or accepted first attempts: before, it is the claim's.
    """
    a = attempts.c
    is_first = sa.and_(a.attempt == 1, a.outcome.is_not(None))
    answer, report = elapsed_ms(dialect, a.sent_at, a.accepted_at), elapsed_ms(dialect, a.accepted_at, a.reported_at)
    ahead = elapsed_ms(dialect, a.woken_at, a.sent_at) - a.lateness_ms
    values = {
        "lateness": sa.case((is_first, a.lateness_ms)),
        "answer": answer,
        "report": report,
        "alarm_ahead": sa.case((is_first, sa.case((ahead > 0, ahead), (ahead <= 0, 0.0)))),
        "alarm_lateness": a.alarm_late_ms,
    }
    return {name: value / 1000.0 for name, value in values.items()}
