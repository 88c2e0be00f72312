"""Bodies that machines send: read by hand, since their routes prove the caller before they look at the body."""

from __future__ import annotations

import json
from typing import Any, cast

from flask import request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import BadRequest, UnprocessableEntity


def read_json(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in `raw`, or None when there is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def load(schema: Schema) -> dict[str, Any]:
    """The request's body through `schema`; 400 or 422 with the fields named."""
    body = read_json(request.get_data())
    if body is None:
        raise BadRequest
    try:
        return cast(dict[str, Any], schema.load(body))
    except ValidationError as error:
        refusal = UnprocessableEntity()
        refusal.data = {"messages": error.messages}  # type: ignore[attr-defined]
        raise refusal from None
