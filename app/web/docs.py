"""The contract as pages: the OpenAPI document's frame, and the same for human readers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, render_template

CONSOLE = str(Path(__file__).resolve().parent.parent / "console")
SPEC_OPTIONS: dict[str, Any] = {
    "info": {
        "description": "Publishes a social post at the second its author chose. Errors follow RFC 9457.",
        "license": {"name": "MIT", "identifier": "MIT"},
    },
    "components": {
        "securitySchemes": {"user": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    },
}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"

blueprint = Blueprint("docs", __name__)


@blueprint.get("/docs")
def docs() -> Response:
    spec = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    response = Response(render_template("docs.html", spec=spec), mimetype="text/html")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response
