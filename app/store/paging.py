"""Keyset pages: a page begins behind the last row of the one before, so nothing that comes meanwhile shifts it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

After = tuple[datetime, str]


def oldest_first(
    statement: sa.Select[Any], at: sa.Column[Any], key: sa.Column[Any], limit: int, after: After | None
) -> sa.Select[Any]:
    if after is not None:
        statement = statement.where(sa.tuple_(at, key) > _bound(after, at, key))
    return statement.order_by(at, key).limit(limit)


def newest_first(
    statement: sa.Select[Any], at: sa.Column[Any], key: sa.Column[Any], limit: int, after: After | None
) -> sa.Select[Any]:
    if after is not None:
        statement = statement.where(sa.tuple_(at, key) < _bound(after, at, key))
    return statement.order_by(at.desc(), key.desc()).limit(limit)


def _bound(after: After, at: sa.Column[Any], key: sa.Column[Any]) -> sa.Tuple:
    """A keyset as bound values of the columns' own types, which a bare tuple would lose."""
    return sa.tuple_(sa.bindparam(None, after[0], at.type), sa.bindparam(None, after[1], key.type))
