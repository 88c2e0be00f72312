"""Run one statement for many rows of input.

PostgreSQL gets all rows as one JSON parameter, so the statement is compiled once and takes one round trip for any
number of rows. SQLite has no round trips and gets one row after the other.
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
#: Builds a statement with RETURNING from the input's columns. The flag is True for many rows at once.
Build = Callable[[Any, bool], sa.Executable]


def execute_for_rows(
    tx: Connection, build: Build, types: Types, rows: Sequence[Mapping[str, Any]], common: Mapping[str, Any]
) -> list[sa.Row[Any]]:
    """Execute the built statement for each row and return its result rows.

    `types` names the input's columns. `common` holds the parameters shared by all rows.
    """
    if tx.dialect.name == "postgresql":
        return list(tx.execute(_for_all(build, types), {**common, "input_rows": json.dumps(rows, default=str)}))
    statement = _for_one(build, types)
    prefixed = [{f"input_{name}": value for name, value in row.items()} for row in rows]
    return [found for row in prefixed for found in tx.execute(statement, {**common, **row})]


@cache
def _for_all(build: Build, types: Types) -> sa.Executable:
    from sqlalchemy.dialects.postgresql import JSONB  # imported here because it is slow and SQLite does not need it

    recordset = sa.func.jsonb_to_recordset(sa.cast(sa.bindparam("input_rows", type_=sa.Text), JSONB))
    columns: list[Any] = [sa.column(name, type_) for name, type_ in types]
    return build(recordset.table_valued(*columns, name="input").render_derived(with_types=True).c, True)


@cache
def _for_one(build: Build, types: Types) -> sa.Executable:
    return build(SimpleNamespace(**{name: sa.bindparam(f"input_{name}", type_=type_) for name, type_ in types}), False)
