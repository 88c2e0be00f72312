"""Format every error as application/problem+json (RFC 9457): a stable code, the cure, and no internals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from flask import Flask, Response, g, has_request_context, request
from werkzeug.exceptions import HTTPException

from app.domain.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotConfigured,
    NotFound,
    Refusal,
    Stopping,
    Unavailable,
)
from app.log import emit
from app.web.addresses import logged_path
from app.web.json_answers import to_json

STATUS = {Forbidden: 403, NotFound: 404, Conflict: 409, Invalid: 422, NotConfigured: 503, Unavailable: 503}
RETRY_AFTER_SECONDS = "5"
STOPPING_RETRY_AFTER_SECONDS = "1"
MAX_RETRY_AFTER_SECONDS = 300
MAX_ERRORS = 50  # fields named in one answer
MAX_FIELD_NAME = 200  # characters of a field's name in an answer, as a client may send a name of any length

TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    411: "Length required",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid",
    429: "Too many requests",
    489: "Not retryable",
    500: "Internal error",
    503: "Unavailable",
}

DETAILS = {
    400: ("malformed_json", "The body is not valid JSON."),
    404: ("not_found", "This address does not exist."),
    405: ("method_not_allowed", "This address does not take this method."),
    411: ("length_required", "Send the body's length as Content-Length."),
    413: ("too_large", "The body is larger than 1 MB. Send media as URLs."),
    415: ("json_required", "Send the body as JSON, with Content-Type: application/json."),
}


def problem(status: int, code: str, detail: str, errors: list[FieldError] | None = None, **headers: str) -> Response:
    """Build one problem document. `headers` have underscores in place of hyphens."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if has_request_context():
        g.problem_code = code  # for the request's line in the log
    if errors:
        body["errors"] = [_as_json(error) for error in errors[:MAX_ERRORS]]
    response = Response(to_json(body), status, mimetype="application/problem+json")
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def register(app: Flask) -> None:
    """Register handlers that turn every exception into a problem document."""
    app.register_error_handler(Refusal, from_refusal)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(RecursionError, lambda _error: problem(400, *DETAILS[400]))
    app.register_error_handler(Exception, _from_bug)


def from_refusal(error: Refusal) -> Response:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers = {"Retry_After": retry_after()} if isinstance(error, Unavailable) else {}
    if isinstance(error, Stopping):  # another process is there, or soon
        headers = {"Retry_After": STOPPING_RETRY_AFTER_SECONDS}
    return problem(status, error.code, error.detail, error.errors, **headers)


def retry_after() -> str:
    """Return the seconds to wait: 5, and 20, 80, 300 for QStash's retries.

    QStash retries three times by default and honours Retry-After, so a constant one would use them up within an outage.
    """
    retried = request.headers.get("Upstash-Retried", "")
    count = int(retried) if retried.isascii() and retried.isdigit() and len(retried) < 3 else 0
    return str(min(int(RETRY_AFTER_SECONDS) * 4**count, MAX_RETRY_AFTER_SECONDS))


def _from_http(error: HTTPException) -> Response:
    status = error.code or 500
    messages = (getattr(error, "data", None) or {}).get("messages")
    if status == 422 and messages:
        errors = list(islice(flatten(messages), MAX_ERRORS))
        return problem(422, "invalid_fields", " ".join(f"{e.field}: {e.message}" for e in errors[:5]), errors)
    code, detail = DETAILS.get(status, ("bad_request" if status < 500 else "internal_error", "This cannot be done."))
    response = problem(status, code, detail)
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response


def _from_bug(error: Exception) -> Response:
    emit("request.failed", level=40, method=request.method, path=logged_path(), exc_info=True)
    return problem(500, "internal_error", "An internal error occurred and was logged. Try again.")


def shorten(field: str) -> str:
    """Cut a field's name for an answer."""
    return field if len(field) <= MAX_FIELD_NAME else f"{field[:MAX_FIELD_NAME]}…"


def flatten(messages: Any, path: str = "") -> Iterator[FieldError]:
    """Flatten marshmallow's nested messages. The location (json, query) is not part of a field's name."""
    if isinstance(messages, str):
        yield FieldError(path or "body", _code_of(messages), messages)
    elif isinstance(messages, list):
        for message in messages:
            yield from flatten(message, path)
    elif isinstance(messages, FieldError):
        yield replace(messages, field=messages.field or path or "body")
    else:
        for key, value in messages.items():
            is_location = not path and key in ("json", "query", "_schema", "path", "headers")
            name = path if is_location or key == "_schema" else f"{path}.{key}" if path else str(key)
            yield from flatten(value, shorten(name))


def _code_of(message: str) -> str:
    known = {"Unknown field.": "unknown_field", "Missing data for required field.": "required"}
    return known.get(message, "invalid")


def _as_json(error: FieldError) -> dict[str, Any]:
    body: dict[str, Any] = {"field": error.field, "code": error.code, "message": error.message}
    if error.limit is not None:
        body |= {"limit": error.limit, "actual": error.actual}
    return body
