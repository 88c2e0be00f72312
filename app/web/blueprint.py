"""The blueprint of users' routes: arguments pass through schemas.

Invariant: a query has only the parameters of its route, each once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import Request, current_app, request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.core import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest

from app.domain.errors import FieldError, Invalid, invalid_field
from app.domain.platforms import MAX_CONTENT
from app.web.bodies import parse_json, whole_body
from app.web.problems import MAX_ERRORS, shorten

ERRORS, KEYED = "x-errors", "x-keyed"  # of an operation, for app.web.spec, which replaces both
USER: tuple[str, ...] = ("user",)
MAX_QUERY = 16_000  # bytes of a query, before it is parsed
#: Of a body, by its commas, counted before it is parsed. More than a text full of commas has.
MAX_VALUES = MAX_CONTENT + 10_000
QUERY = "punctual_query"  # the attribute of a view with the schema of its query


def require_few_values(raw: bytes) -> None:
    """Count the commas of a body before it is parsed.

    Raises: Invalid.
    """
    if (values := raw.count(b",")) > MAX_VALUES:
        message = f"Send a body of at most {MAX_VALUES:,} values."
        raise invalid_field("body", "too_many_values", message, MAX_VALUES, values)


class JsonParser(FlaskParser):
    """A parser of numbers of any length. It answers 400 to all other errors of Python's json."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Return the body's value, or `missing` for no body. Deep nesting raises a RecursionError."""
        raw = whole_body()
        if not raw or not req.is_json:
            return missing
        require_few_values(raw)
        try:
            return parse_json(raw.decode())
        except (ValueError, RecursionError):
            raise BadRequest from None


def operation(
    name: str, *errors: str, security: tuple[str, ...] = USER, keyed: bool = False, **content: Any
) -> dict[str, Any]:
    """Describe an operation for the OpenAPI document.

    `name` is its operationId, from which generated clients name a function. Each of `errors` is a status with the codes
    that this route alone answers, such as "404 post_not_found". All codes common to routes of users are added for you.
    Each of `security` is a scheme that suffices by itself. A `keyed` operation is `idempotent`. `content` is OpenAPI.
    """
    proofs: list[dict[str, list[str]]] = [{scheme: []} for scheme in security]
    return {"operationId": name, "security": proofs, ERRORS: list(errors), KEYED: keyed, **content}


class UserBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    ARGUMENTS_PARSER = JsonParser()

    def operation(self, name: str, *errors: str, **options: Any) -> Callable[[Any], Any]:
        """Document the view as this operation, with the arguments of the function `operation`."""
        return cast(Callable[[Any], Any], self.doc(**operation(name, *errors, **options)))

    def arguments(self, schema: type[Schema], *, location: str = "json", **options: Any) -> Callable[[Any], Any]:
        """Pass the schema's arguments to the view, and mark a view that takes a query."""
        decorate = super().arguments(schema, location=location, **options)

        def marked(view: Any) -> Any:
            wrapped = decorate(view)
            if location == "query":
                setattr(wrapped, QUERY, schema)
            return wrapped

        return marked


def check_query() -> None:
    """Check that the request's query has only parameters of its route, each once. A route without a schema takes none.

    Raises: Invalid with an error for each other parameter.
    """
    length = len(request.query_string)
    if length > MAX_QUERY:
        raise invalid_field("query", "too_long", f"Send a query of at most {MAX_QUERY} bytes.", MAX_QUERY, length)
    if not request.args:
        return
    schema = getattr(_view(), QUERY, None)
    known = {field.data_key for field in schema().load_fields.values()} if schema is not None else set()
    errors: list[FieldError] = []
    for name, values in request.args.lists():
        if len(errors) == MAX_ERRORS:
            break
        if name not in known:
            errors.append(FieldError(shorten(name) or "query", "unknown_field", "Unknown parameter."))
        elif len(values) > 1:
            errors.append(FieldError(name, "repeated", "Send this parameter once.", 1, len(values)))
    if errors:
        raise Invalid("invalid_fields", " ".join(f"{e.field}: {e.message}" for e in errors[:5]), errors)


def _view() -> Any:
    """Return the function of the request's route and method."""
    view = current_app.view_functions[str(request.endpoint)]
    methods = getattr(view, "view_class", None)
    method = "get" if request.method == "HEAD" else request.method.lower()
    return getattr(methods, method, None) if methods is not None else view
