"""Keyset pagination: each page begins after the last row of the previous one.

Invariant: rows inserted between two pages never shift the second.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

After = tuple[datetime, str | int]


def oldest_first(
    statement: sa.Select[Any], at: sa.ColumnElement[Any], key: sa.Column[Any], limit: int, after: After | None
) -> sa.Select[Any]:
    if after is not None:
        statement = statement.where(sa.tuple_(at, key) > _bound(after, at, key))
    return statement.order_by(at, key).limit(limit)


def newest_first(
    statement: sa.Select[Any], at: sa.ColumnElement[Any], key: sa.Column[Any], limit: int, after: After | None
) -> sa.Select[Any]:
    if after is not None:
        statement = statement.where(sa.tuple_(at, key) < _bound(after, at, key))
    return statement.order_by(at.desc(), key.desc()).limit(limit)


def _bound(after: After, at: sa.ColumnElement[Any], key: sa.Column[Any]) -> sa.Tuple:
    """Bind a keyset with the types of its columns, lost in a bare tuple."""
    return sa.tuple_(sa.bindparam(None, after[0], at.type), sa.bindparam(None, after[1], key.type))
