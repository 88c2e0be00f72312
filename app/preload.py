"""What a process builds and imports on first use, done before its first request.

A serverless process does without, because each cold start would pay for it. A server's processes stay. Python runs one
thread at a time, so a first use beside due posts would make them late: the OpenAPI document takes 150 ms of processor.
"""

from __future__ import annotations

from importlib import import_module

from flask import Flask

from app.web.docs import document

#: Modules that other code imports on first use, and what they import in turn.
FIRST_USED = (
    "app.adapters.n8n_connections",
    "app.delivery.dispatch",
    "app.delivery.leases",
    "app.operations.status",
    "app.posts.bulk",
    "app.posts.bulk_jobs",
    "app.restore.went_back",
    "app.sweep.sweep",
    "app.web.limiter",
    "icalendar",
    "jwt",
    "requests",
)
QSTASH = "app.adapters.qstash_client"  # of installations with a message service


def preload(app: Flask) -> None:
    """Import the modules and build the API's document."""
    has_messages = app.extensions["punctual"].deps.messages is not None
    for name in (*FIRST_USED, *([QSTASH] if has_messages else [])):
        import_module(name)
    with app.app_context():
        document().build()
