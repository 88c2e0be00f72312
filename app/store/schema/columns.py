"""Column types and helpers for the tables: constraint names, aware instants, ids, partial index conditions."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

Condition = sa.ColumnElement[bool]

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases.

    SQLite stores no time zone, so UTC is added again on reading.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def Id() -> sa.Uuid[str]:
    return sa.Uuid(as_uuid=False)


def new_id() -> str:
    return str(uuid.uuid4())


def quoted_list(values: type[StrEnum]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def partial(condition: str) -> dict[str, Any]:
    """Return a partial index's condition as Index keywords for both databases."""
    return {f"{dialect}_where": sa.text(condition) for dialect in ("postgresql", "sqlite")}
