"""The only Flask code: routes, schemas, authentication, and the format of every answer."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from app.alerts import RefusedCalls
from app.deps import Services
from app.operations.health import HealthCheck
from app.web import (
    accounts,
    addresses,
    api_keys,
    audit,
    auth,
    bulk,
    callback,
    client_address,
    companies,
    connect,
    cron,
    dispatch,
    docs,
    edge,
    event_delivery,
    export,
    failed_proofs,
    feeds,
    invitations,
    limits,
    metrics,
    operations,
    platforms,
    posts,
    problems,
    request_log,
    slots,
    status,
    turnstile,
    webhook_endpoints,
    webhooks,
)
from app.web.bodies import WholeRequest
from app.web.console import built, oidc, pages, session
from app.web.json_answers import Utf8Json

MAX_BODY_BYTES = 1_000_000
_OTHERS = (accounts, slots, platforms, companies, invitations, api_keys, webhook_endpoints, audit, connect, session)
#: The blueprints of users' routes, whose views describe themselves for the OpenAPI document.
DOCUMENTED = [module.blueprint for module in (posts, bulk, export, feeds, *_OTHERS, operations)]


def build_app(services: Services) -> Flask:
    """Build the Flask app for these services."""
    app = Flask("punctual_web", root_path=str(Path(__file__).parent), template_folder="templates", static_folder=None)
    app.request_class = WholeRequest
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
    )
    addresses.prepare(app)
    app.json = Utf8Json(app)
    app.extensions["punctual"] = services
    app.extensions[auth.REFUSED_CALLS] = RefusedCalls(services.deps)
    app.extensions[failed_proofs.FAILED_PROOFS] = failed_proofs.FailedProofs(services.deps)
    app.extensions[status.HEALTH] = HealthCheck(services.deps)
    machines = (callback, dispatch, webhooks, event_delivery, cron, status, metrics)
    plain = [module.blueprint for module in (*machines, docs, pages, oidc)]
    for blueprint in (*DOCUMENTED, *plain, feeds.calendars):
        app.register_blueprint(blueprint)
    app.extensions[docs.DOCUMENT] = docs.Document(DOCUMENTED)
    app.extensions[pages.BUILT] = built.Built()
    request_log.register(app, services.tracer)
    problems.register(app)
    limits.register(app, services.deps)
    client_address.register(app, services.deps.settings)
    edge.register(app, services.deps)
    audit.register(app)
    addresses.register(app)
    event_delivery.register(app, services.deps)
    turnstile.register(app, services.deps)
    return app
