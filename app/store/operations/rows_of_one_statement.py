"""Figures of many tables as rows of one statement, each a name with counts and instants.

Invariant: one round trip and one snapshot, and each part is planned alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from app.store.constants import with_constants
from app.store.schema.columns import Instant

Expression = sa.ColumnElement[Any]
COUNTS, INSTANTS = 3, 3


class Figures(NamedTuple):
    """The counts and instants of one name. Those that a part leaves out are None."""

    count: Any
    count2: Any
    count3: Any
    at: datetime | None
    at2: datetime | None
    at3: datetime | None


def part(
    name: Expression | str, counts: Sequence[Expression], instants: Sequence[Expression] = (), source: Any = None
) -> sa.Select[Any]:
    """Return one part of the statement. `source` is its table or subquery, None where the columns name it."""
    numbers = [*counts, *[sa.cast(sa.null(), sa.BigInteger)] * (COUNTS - len(counts))]
    times = [*instants, *[sa.cast(sa.null(), Instant)] * (INSTANTS - len(instants))]
    named = sa.literal(name) if isinstance(name, str) else name
    columns = [column.label(f"c{number}") for number, column in enumerate([named, *numbers, *times])]
    return sa.select(*columns) if source is None else sa.select(*columns).select_from(source)


def statement(*parts: sa.Select[Any]) -> sa.CompoundSelect[Any]:
    """Return one statement of these parts. Keep it: building it costs more than executing it."""
    return with_constants(sa.union_all(*parts))


def read(connection: Connection, of: sa.CompoundSelect[Any], values: Mapping[str, Any]) -> dict[str, Figures]:
    """Execute the statement. A name without a row is absent."""
    return {row[0]: Figures(*row[1:]) for row in connection.execute(of, values)}
