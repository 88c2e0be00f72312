"""The blueprint of users' routes: arguments pass through schemas, and a body that is no JSON is a 400."""

from __future__ import annotations

from typing import Any

from flask import Request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest

SECURED: dict[str, Any] = {"security": [{"user": []}]}


class JsonParser(FlaskParser):
    """A parser that answers 400 to all errors of Python's json.

    A number of 5,000 digits raises a plain ValueError, and deep nesting a RecursionError.
    """

    def load_json(self, req: Request, schema: Schema) -> Any:
        try:
            return super().load_json(req, schema)
        except (ValueError, RecursionError):
            raise BadRequest from None


class UserBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    ARGUMENTS_PARSER = JsonParser()
