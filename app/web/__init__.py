"""The only Flask: routes, schemas, proofs of who calls, and the shape of every answer."""

from __future__ import annotations

from flask import Flask
from flask_smorest import Api

from app.deps import Services
from app.version import VERSION
from app.web import accounts, companies, cron, dispatch, docs, edge, posts, problems, status, webhooks

MAX_BODY_BYTES = 1_000_000


def build_app(services: Services) -> Flask:
    """A Flask app over these services."""
    app = Flask("punctual_web", root_path=docs.CONSOLE, template_folder="templates", static_folder=None)
    app.config.update(
        API_TITLE="Punctual",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS=docs.SPEC_OPTIONS,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # answers read in the order of the contract
    app.extensions["punctual"] = services
    api = Api(app)
    for module in (posts, accounts, companies):
        api.register_blueprint(module.blueprint)
    for plain in (dispatch, webhooks, cron, status, docs):
        app.register_blueprint(plain.blueprint)
    problems.register(app)
    edge.register(app, services.deps.settings)
    return app
