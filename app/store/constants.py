"""Statements whose constants are in their text.

Each parameter of a statement is processed at each execution: in the key of its compiled form, by its type, and by the
driver. A statement that is built once and executed often needs none for its constants.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.sql import visitors

Statement = TypeVar("Statement", bound=sa.Executable)


def with_constants(statement: Statement) -> Statement:
    """Return the statement with its texts and numbers as SQL. Parameters without a value stay.

    Only for values of this code: nothing that a caller sent belongs into a statement's text.
    """
    return cast(Statement, visitors.replacement_traverse(cast(Any, statement), {}, _constant))


def _constant(element: Any, **_: Any) -> Any:
    if not isinstance(element, sa.BindParameter) or element.required or element.value is None:
        return None
    if element.expanding:
        return sa.literal_column(f"({', '.join(map(_sql, element.value))})")
    return sa.literal_column(_sql(element.value), element.type)


def _sql(value: object) -> str:
    if isinstance(value, str):
        return "'" + str(value).replace("'", "''") + "'"
    assert isinstance(value, int | float), value
    return repr(value)
