"""Figures by time bucket: samples of lateness, numbers of attempts and of due posts.

Invariant: each bucket reads at most a fixed number of rows along an index, so a million posts cost what a thousand do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.lifecycle import Status
from app.store.schema.columns import Instant
from app.store.schema.tables import attempts, posts

LATENESS_SAMPLE = 200  # the latest attempts of each bucket with their platform, which costs a look-up each
OUTCOME_SAMPLE = 300  # the latest attempts of each bucket with their outcome, which no index has
MOST_ATTEMPTS = 20_000  # counted in one bucket
MOST_DUE = 2_000  # counted in one minute


class Late(NamedTuple):
    """The lateness of one first attempt, with the number of its bucket."""

    bucket: int
    platform: str
    ms: float


def lateness(connection: Connection, edges: Sequence[datetime]) -> list[Late]:
    """Return the lateness of first attempts, because later ones are late by design."""
    rows = connection.execute(_lateness(len(edges) - 1), _instants(edges)).all()
    return [Late(bucket, platform, ms) for bucket, platform, ms in rows if platform is not None]


def attempts_by_bucket(connection: Connection, edges: Sequence[datetime]) -> list[int]:
    """Return the number of attempts begun in each bucket, up to MOST_ATTEMPTS + 1."""
    return _in_order(connection.execute(_attempts(len(edges) - 1), _instants(edges)).all(), len(edges) - 1)


def outcomes_by_bucket(connection: Connection, edges: Sequence[datetime]) -> list[dict[str, int]]:
    """Return the outcomes of the latest OUTCOME_SAMPLE attempts of each bucket. An open attempt counts as `open`."""
    found: list[dict[str, int]] = [{} for _ in edges[1:]]
    for bucket, outcome, number in connection.execute(_outcomes(len(edges) - 1), _instants(edges)):
        found[bucket][outcome or "open"] = number
    return found


def due_by_bucket(connection: Connection, edges: Sequence[datetime]) -> list[int]:
    """Return the number of scheduled posts due in each bucket, up to MOST_DUE + 1."""
    return _in_order(connection.execute(_due(len(edges) - 1), _instants(edges)).all(), len(edges) - 1)


def _in_order(rows: Sequence[Any], buckets: int) -> list[int]:
    numbers = dict[int, int](tuple(row) for row in rows)
    return [numbers.get(bucket, 0) for bucket in range(buckets)]


def _instants(edges: Sequence[datetime]) -> Mapping[str, datetime]:
    return {f"at_{number}": edge for number, edge in enumerate(edges)}


def _within(column: Any, bucket: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    first, last = (sa.bindparam(f"at_{number}", type_=Instant) for number in (bucket, bucket + 1))
    return column >= first, column < last


def _latest(bucket: int, most: int, *columns: Any) -> sa.Subquery:
    began = attempts.c.started_at
    found = select(sa.literal_column(str(bucket), sa.Integer).label("bucket"), *columns)
    return found.where(*_within(began, bucket)).order_by(began.desc()).limit(most).subquery()


@cache
def _lateness(buckets: int) -> sa.Select[Any]:
    a = attempts.c
    parts = [select(_latest(n, LATENESS_SAMPLE, a.post_id, a.attempt, a.lateness_ms)) for n in range(buckets)]
    of = sa.union_all(*parts).subquery("latest").c
    # A subquery and no join: PostgreSQL would join so many rows by reading all posts.
    platform = select(posts.c.platform).where(posts.c.id == of.post_id).scalar_subquery()
    return select(of.bucket, platform, of.lateness_ms).where(of.attempt == 1, of.lateness_ms.is_not(None))


@cache
def _outcomes(buckets: int) -> sa.Select[Any]:
    parts = [select(_latest(number, OUTCOME_SAMPLE, attempts.c.outcome)) for number in range(buckets)]
    of = sa.union_all(*parts).subquery("latest").c
    return select(of.bucket, of.outcome, sa.func.count()).group_by(of.bucket, of.outcome)


@cache
def _attempts(buckets: int) -> sa.CompoundSelect[Any]:
    began = attempts.c.started_at
    return sa.union_all(*(_count(n, began, _within(began, n), MOST_ATTEMPTS) for n in range(buckets)))


@cache
def _due(buckets: int) -> sa.CompoundSelect[Any]:
    due, scheduled = posts.c.next_attempt_at, posts.c.status == Status.SCHEDULED
    return sa.union_all(*(_count(n, due, (scheduled, *_within(due, n)), MOST_DUE) for n in range(buckets)))


def _count(bucket: int, key: Any, where: Sequence[Any], most: int) -> sa.Select[int, int]:
    """Count the rows of one bucket up to `most` + 1, in the order of their index."""
    few = select(key).where(*where).order_by(key).limit(most + 1).subquery()
    return select(sa.literal_column(str(bucket), sa.Integer), sa.func.count()).select_from(few)
