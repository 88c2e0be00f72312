"""What a process builds and imports on first use, done before its first request.

A serverless process does without, because each cold start would pay for it. A server's processes stay. Python runs one
thread at a time, so a first use beside due posts would make them late: the OpenAPI document takes 150 ms of processor.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from flask import Flask

from app.settings.values import Settings
from app.web.docs import document

#: Modules that other code imports on first use, and what they import in turn.
FIRST_USED = (
    "app.adapters.n8n_connections",
    "app.adapters.requests_transport",
    "app.delivery.dispatch",
    "app.delivery.leases",
    "app.domain.explanations.platform_codes",
    "app.operations.figures",
    "app.operations.service_states",
    "app.operations.status",
    "app.posts.bulk",
    "app.posts.bulk_jobs",
    "app.restore.went_back",
    "app.sweep.sweep",
    "app.web.limiter",
    "cryptography.fernet",
    "icalendar",
    "jwt",
    "requests",
)
#: The same, of an installation with a message service, with LinkedIn's OAuth, with published keys, and with metrics.
OF_MESSAGES = ("app.adapters.qstash_client", "app.delivery.rehearsal", "standardwebhooks")
OF_LINKEDIN = ("app.adapters.linkedin_transport", "authlib.integrations.requests_client")
OF_KEYS = ("app.adapters.jwks", "app.adapters.jwks_fetch", *OF_LINKEDIN)
OF_METRICS = ("app.operations.metrics.exposition",)


def preload(app: Flask) -> None:
    """Import the modules and build the API's document."""
    deps = app.extensions["punctual"].deps
    for name in _first_used(deps.settings, has_messages=deps.messages is not None):
        import_module(name)
    with app.app_context():
        document().build()


def _first_used(s: Settings, *, has_messages: bool) -> Iterator[str]:
    yield from FIRST_USED
    yield from OF_MESSAGES if has_messages else ()
    yield from OF_LINKEDIN if s.linkedin_client_id else ()
    yield from OF_KEYS if s.auth_jwks_url or s.console_oidc_issuer else ()
    yield from OF_METRICS if s.metrics_secret else ()
