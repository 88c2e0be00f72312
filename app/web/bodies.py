"""Read the bodies of requests: whole or not at all. Machines' routes authenticate the caller before they parse them."""

from __future__ import annotations

import io
import json
from functools import cached_property
from typing import IO, Any, cast

from flask import Request, request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import BadRequest, LengthRequired, RequestEntityTooLarge, UnprocessableEntity


class WholeRequest(Request):
    """A request with its whole body, or with an error in place of its body."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """Read a body without a length up to the limit.

        Werkzeug stops reading at the limit without an error, so a longer body would be parsed in part.

        Raises: RequestEntityTooLarge. LengthRequired where the server does not mark the body's end.
        """
        limit = self.max_content_length
        if limit is None or self.content_length is not None:
            return super().stream
        if "wsgi.input_terminated" not in self.environ:
            if "Transfer-Encoding" in self.headers:
                raise LengthRequired
            return super().stream
        body = _read(self.environ["wsgi.input"], limit + 1)
        if len(body) > limit:
            raise RequestEntityTooLarge
        return io.BytesIO(body)


def _read(stream: IO[bytes], most: int) -> bytes:
    parts, left = [], most
    while left > 0 and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def parse_json(raw: bytes | str) -> Any:
    """Parse JSON.

    Python refuses integers of more than 4,300 digits. They become infinity here, so only their own field is wrong.

    Raises: ValueError, RecursionError.
    """
    return json.loads(raw, parse_int=_read_int)


def _read_int(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def read_json(raw: bytes) -> dict[str, Any] | None:
    """Parse a JSON object. Returns None if `raw` is none."""
    try:
        value = parse_json(raw)
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
