"""Lists of answers, written with few calls: a page of posts has six thousand values.

Invariant: the JSON is that of a list of nested answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, fields
from werkzeug.utils import cached_property

from app.domain.times import to_wire
from app.web.fields import WireInstant

Write = Callable[[Any], Any]
_AS_THEY_ARE = (fields.Boolean, fields.Integer, fields.Float)


class AnswerList(fields.List[Any]):
    """A list of answers. Each is a dict with a value of the right type, or None, for every field."""

    def __init__(self, schema: type[Schema], **kwargs: Any) -> None:
        super().__init__(fields.Nested(schema), **kwargs)
        self._schema = schema

    @cached_property
    def _fields(self) -> list[tuple[str, str, fields.Field[Any], Write | None]]:
        """Name, key in JSON, field, and how a value is written. None: by the field itself."""
        found = self._schema().dump_fields.items()
        return [(name, field.data_key or name, field, _write_of(field)) for name, field in found]

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[Any] | None:
        return None if value is None else [self._item(one) for one in value]

    def _item(self, one: dict[str, Any]) -> dict[str, Any]:
        return {
            key: write(one[name]) if write is not None else field.serialize(name, one)
            for name, key, field, write in self._fields
        }


def _write_of(field: fields.Field[Any]) -> Write | None:
    if type(field) is WireInstant:
        return to_wire
    if type(field) is fields.String:
        return _text
    return _same if type(field) in _AS_THEY_ARE else None


def _text(value: Any) -> str | None:
    return value if value is None or type(value) is str else str(value)


def _same(value: Any) -> Any:
    return value
