"""A statement for many rows at once. PostgreSQL is given them as one parameter, so that the statement is made once and
is one round trip, however many they are; SQLite, which has no round trips, is given one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

Types = tuple[tuple[str, Any], ...]
#: What builds a statement that returns rows, from the columns of what is given; with True, for many at once.
Build = Callable[[Any, bool], sa.Executable]


def execute_for_rows(
    tx: Connection, build: Build, types: Types, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any]
) -> list[sa.Row[Any]]:
    """What the statement returns for these rows; `common` are the parameters that all share."""
    if tx.dialect.name == "postgresql":
        return list(tx.execute(_for_all(build, types), {**common, "given": json.dumps(rows, default=str)}))
    statement = _for_one(build, types)
    prefixed = [{f"given_{name}": value for name, value in row.items()} for row in rows]
    return [found for row in prefixed for found in tx.execute(statement, {**common, **row})]


@cache
def _for_all(build: Build, types: Types) -> sa.Executable:
    from sqlalchemy.dialects.postgresql import JSONB  # a slow import, which installations on SQLite do without

    recordset = sa.func.jsonb_to_recordset(sa.cast(sa.bindparam("given", type_=sa.Text), JSONB))
    columns: list[Any] = [sa.column(name, type_) for name, type_ in types]
    return build(recordset.table_valued(*columns, name="given").render_derived(with_types=True).c, True)


@cache
def _for_one(build: Build, types: Types) -> sa.Executable:
    return build(SimpleNamespace(**{name: sa.bindparam(f"given_{name}", type_=type_) for name, type_ in types}), False)
