"""The API's documentation: the OpenAPI document, and a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, jsonify, render_template
from flask_smorest import Api
from werkzeug.utils import cached_property

from app.version import VERSION
from app.web import addresses

DOCUMENT = "punctual_document"  # among the app's extensions
SPEC_OPTIONS: dict[str, Any] = {
    "info": {
        "description": "Publishes a social post at the second its author chose. Errors follow RFC 9457.",
        "license": {"name": "MIT", "identifier": "MIT"},
    },
    "components": {
        "securitySchemes": {
            "user": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The user's JWT, or a personal key (pk_…) with the scope of the route.",
            }
        },
    },
}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"

blueprint = Blueprint("docs", __name__)


class Document:
    """The OpenAPI document of these blueprints, built on first use to keep the cold start short."""

    def __init__(self, blueprints: Sequence[Blueprint]) -> None:
        self._blueprints = blueprints

    @cached_property
    def content(self) -> dict[str, Any]:
        """Build the document in an app of its own, because flask-smorest builds it while it registers routes."""
        app = Flask("punctual_document", static_folder=None)
        addresses.prepare(app)
        app.config.update(
            API_TITLE="Punctual", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0", API_SPEC_OPTIONS=SPEC_OPTIONS
        )
        api = Api(app)
        for documented in self._blueprints:
            api.register_blueprint(documented)
        return cast(dict[str, Any], api.spec.to_dict())

    @cached_property
    def as_json(self) -> bytes:
        """Write the document once: anyone may ask for it, at any rate."""
        return jsonify(self.content).get_data()

    @cached_property
    def as_page(self) -> str:
        return render_template("docs.html", spec=self.content)


def document() -> Document:
    return cast(Document, current_app.extensions[DOCUMENT])


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return Response(document().as_json, mimetype="application/json")


@blueprint.get("/docs")
def docs() -> Response:
    response = Response(document().as_page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response
