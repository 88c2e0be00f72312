"""Blueprints of the user's routes: arguments through schemas, and whatever is no JSON is a 400."""

from __future__ import annotations

from typing import Any

from flask import Request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest

SECURED: dict[str, Any] = {"security": [{"user": []}]}


class JsonParser(FlaskParser):
    """Python's json raises more than its own error: a number of 5,000 digits is a plain ValueError."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        try:
            return super().load_json(req, schema)
        except (ValueError, RecursionError):
            raise BadRequest from None


class UserBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    ARGUMENTS_PARSER = JsonParser()
