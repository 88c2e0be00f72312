"""The API's documentation: the OpenAPI document, and a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, render_template
from werkzeug.utils import cached_property

from app.web.console.pages import shell
from app.web.console.policy import style_policy

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

    @cached_property
    def as_page(self) -> str:
        return render_template("docs.html", spec=self.content)

    def build(self) -> None:
        """Build now what the routes answer."""
        _ = (self.as_json, self.as_page)


def document() -> Document:
    return cast(Document, current_app.extensions[DOCUMENT])


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return Response(document().as_json, mimetype="application/json")


@blueprint.get("/docs")
def docs() -> Response:
    return shell("docs") or _plain_page()


def _plain_page() -> Response:
    """Return the documentation without scripts, where the console is not built."""
    response = Response(document().as_page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = style_policy(document().as_page)
    return response
