"""Read the codes of a platform's JSON error object, in the forms in which n8n hands it on.

Forms: the JSON itself, `422 - ` before the JSON, and JSON inside a JSON string. Sources: n8n's NodeApiError
(`messages`, `context.data`), its error panel (`rawErrorMessage`), its Graph API node (the error beside `statusCode`).
Invariant: prose has no codes, neither around the object nor in its `message`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 10  # of parts, of which JSON inside a JSON string is one
_STATUS = re.compile(r"\s{0,8}\d{3} - ")
_PARTS = ("error", "errorDetails", "inputErrors", "context", "response", "data", "body", "messages", "rawErrorMessage")


def error_codes(text: str) -> tuple[list[str], list[str]]:
    """Return the subcodes and the codes of the error object that `text` as a whole is."""
    subcodes, codes = [], []
    for error in _objects(text, MAX_DEPTH):
        subcodes.append(_as_code(error.get("error_subcode")))
        codes += [_as_code(error.get(name)) for name in ("code", "serviceErrorCode")]
    return [code for code in subcodes if code], [code for code in codes if code]


def _objects(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yield the objects in `value` that can carry the platform's code."""
    if depth == 0:
        return
    if isinstance(value, str):
        yield from _objects(_parse(value), depth - 1)
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item, depth - 1)
    elif isinstance(value, dict):
        yield value
        parts = [value.get(name) for name in _PARTS]
        message = value.get("message")
        if isinstance(message, str) and _STATUS.match(message):  # n8n's own. A platform's message is prose
            parts.append(message)
        for part in parts:
            yield from _objects(part, depth - 1)


def _parse(text: str) -> Any:
    """Parse a whole text as JSON, after n8n's status. Returns None for prose."""
    status = _STATUS.match(text)
    body = text[status.end() :] if status else text
    try:
        return json.loads(body, strict=False) if body.lstrip()[:1] in ("{", "[", '"') else None
    except (ValueError, RecursionError):
        return None


def _as_code(value: Any) -> str:
    """Return a code as upper-case text, or the empty text if `value` is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip().upper() if isinstance(value, str) else ""
