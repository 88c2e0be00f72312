"""Percentiles of the times of posts: lateness, n8n's answers and reports, alarms, publications.

Invariant: one statement reads them all, of at most the latest SAMPLE rows along an index. The database ranks them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.lifecycle import Status
from app.store.constants import with_constants
from app.store.schema.columns import Instant
from app.store.schema.tables import attempts, posts

SAMPLE = 1_000  # the latest rows in the percentiles: ranking more would be most of the status route's cost
PER_MILLE = (500, 950, 990, 1000)
NAMES = ("lateness", "answer", "report", "alarm", "published")


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles in milliseconds by nearest rank, None without values, and the number of values."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None
    count: int = 0


def read(connection: Connection, since: datetime) -> dict[str, Percentiles]:
    """Return the percentiles of attempts begun since `since`, and of posts published since then.

    `lateness`: from the promise to the send, of first attempts, because later ones are late by design. `answer`: from
    the send to n8n's acceptance. `report`: from there to the report. `alarm`: the lateness of alarms. `published`: from
    the promise to the publication, of all posts.
    """
    postgresql = connection.dialect.name == "postgresql"
    rows = connection.execute(_statement(connection.dialect.name), {"since": since}).all()
    found = dict.fromkeys(NAMES, Percentiles())
    if postgresql:
        return found | {name: _of(values, number) for name, number, values in rows}
    for name in NAMES:
        ranked = {rank: (value, number) for of, number, rank, value in rows if of == name}
        number = next((number for _, number in ranked.values()), 0)
        if number:
            found[name] = _of([ranked[_rank(share, number)][0] for share in PER_MILLE], number)
    return found


def _of(values: Any, number: int) -> Percentiles:
    p50, p95, p99, highest = (None if value is None else round(value, 3) for value in values or [None] * len(PER_MILLE))
    return Percentiles(p50, p95, p99, highest, number)


def _rank(share: Any, number: Any) -> Any:
    return (share * number + 999) // 1000


def elapsed_ms(dialect: str, since: Any, until: Any) -> sa.ColumnElement[float]:
    """Return the milliseconds between two columns, to the microsecond."""
    if dialect == "postgresql":
        return sa.cast(sa.extract("epoch", until - since) * 1000, sa.Double)

    def part(format: str, column: Any) -> sa.ColumnElement[Any]:
        text = sa.type_coerce(column, sa.Text)
        number = sa.func.strftime("%s", text) if format == "seconds" else sa.func.substr(text, 21, 6)
        return sa.cast(number, sa.Integer)

    seconds = part("seconds", until) - part("seconds", since)
    return seconds * 1000.0 + (part("microseconds", until) - part("microseconds", since)) / 1000.0


_SINCE = sa.bindparam("since", type_=Instant)


def _latest(*columns: Any) -> sa.Select[Any]:
    began = attempts.c.started_at
    return select(*columns).where(began >= _SINCE).order_by(began.desc()).limit(SAMPLE)


def _times(dialect: str) -> list[sa.Label[float | None]]:
    a = attempts.c
    lateness = sa.case((a.attempt == 1, a.lateness_ms))
    answer, report = elapsed_ms(dialect, a.sent_at, a.accepted_at), elapsed_ms(dialect, a.accepted_at, a.reported_at)
    return [
        lateness.label("lateness"),
        answer.label("answer"),
        report.label("report"),
        a.alarm_late_ms.label("alarm"),
    ]


def _published(dialect: str) -> sa.ColumnElement[Any]:
    p = posts.c
    late = select(elapsed_ms(dialect, p.scheduled_at, p.published_at).label("late"))
    late = late.where(p.status == Status.PUBLISHED, p.updated_at >= _SINCE)
    return late.order_by(p.updated_at.desc()).limit(SAMPLE).subquery("latest_published").c.late


def _postgresql() -> sa.CompoundSelect[Any]:
    """Build the statement. One scan serves the four times of an attempt: planning four costs more than reading."""
    from sqlalchemy.dialects.postgresql import array  # here, because it is slow and SQLite does not need it

    shares: sa.ColumnElement[Any] = sa.literal_column(f"ARRAY[{', '.join(str(share / 1000) for share in PER_MILLE)}]")

    def ranked(name: Any, value: Any) -> sa.Select[Any]:
        found = select(name, sa.func.count(value), sa.func.percentile_disc(shares).within_group(value))
        return found.where(value.is_not(None))

    latest = _latest(*_times("postgresql")).subquery("latest_times")
    names, values = ([sa.literal(column.name, sa.Text) for column in latest.c], list(latest.c))
    # Not VALUES: SQLAlchemy compiles a statement with it again at every execution.
    each = sa.func.unnest(array(names), array(values)).table_valued("name", "value", name="each_time").render_derived()
    times = ranked(each.c.name, each.c.value).select_from(latest.join(each, sa.true())).group_by(each.c.name)
    return sa.union_all(times, ranked(sa.literal("published"), _published("postgresql")))


def _sqlite() -> sa.CompoundSelect[Any]:
    """Build the same for a database without `percentile_disc`: the values at the wanted ranks."""
    times = {time.name: _latest(time).subquery(f"latest_{time.name}").c[time.name] for time in _times("sqlite")}
    parts = []
    for name, value in {**times, "published": _published("sqlite")}.items():
        rank, number = sa.func.row_number().over(order_by=value), sa.func.count().over()
        ranked = select(value.label("value"), rank.label("rank"), number.label("number"))
        of = ranked.where(value.is_not(None)).subquery(f"ranked_{name}").c
        wanted = [of.rank == _rank(share, of.number) for share in PER_MILLE]
        parts.append(select(sa.literal(name), of.number, of.rank, of.value).where(sa.or_(*wanted)))
    return sa.union_all(*parts)


@cache
def _statement(dialect: str) -> sa.CompoundSelect[Any]:
    return with_constants(_postgresql() if dialect == "postgresql" else _sqlite())
