"""The API's documentation: the OpenAPI document, and a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify
from werkzeug.utils import cached_property

from app.web.console.pages import shell

DOCUMENT = "punctual_document"  # among the app's extensions

blueprint = Blueprint("docs", __name__)


class Document:
    """The OpenAPI document of these blueprints, built on first use to keep the cold start short."""

    def __init__(self, blueprints: Sequence[Blueprint]) -> None:
        self.blueprints = blueprints

    @cached_property
    def content(self) -> dict[str, Any]:
        from app.web.spec.build import build_document

        return build_document(self.blueprints)

    @cached_property
    def as_json(self) -> bytes:
        """Write the document once: anyone may ask for it, at any rate."""
        return jsonify(self.content).get_data()


def document() -> Document:
    return cast(Document, current_app.extensions[DOCUMENT])


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return Response(document().as_json, mimetype="application/json")


@blueprint.get("/docs")
def docs() -> Response:
    """Answer with the page of the console's build. Its script reads the document."""
    return shell("docs")
