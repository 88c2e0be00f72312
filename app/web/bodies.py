"""Read the bodies of machines' requests. Their routes authenticate the caller before they parse the body."""

from __future__ import annotations

import json
from typing import Any, cast

from flask import request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import BadRequest, UnprocessableEntity


def read_json(raw: bytes) -> dict[str, Any] | None:
    """Parse a JSON object. Returns None if `raw` is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def load(schema: Schema) -> dict[str, Any]:
    """Read the request's body with a schema.

    Raises: BadRequest when the body is no JSON object. UnprocessableEntity, with the fields, when it does not fit.
    """
    body = read_json(request.get_data())
    if body is None:
        raise BadRequest
    try:
        return cast(dict[str, Any], schema.load(body))
    except ValidationError as error:
        refusal = UnprocessableEntity()
        refusal.data = {"messages": error.messages}  # type: ignore[attr-defined]
        raise refusal from None
