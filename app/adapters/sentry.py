"""Report the log's errors to Sentry. Imported only where SENTRY_DSN is set.

Invariant: an event is built from an allowlist. It has the types and the code lines of exceptions, never their texts or
local variables, and of the log's fields only ids and codes.
"""

from __future__ import annotations

import logging
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint

from app.log import logger, request_id
from app.version import VERSION

KEPT = ("event_id", "timestamp", "level", "platform", "release", "environment", "server_name", "sdk")
TAGS = ("post_id", "attempt", "generation", "job_id", "account_id", "code", "kind", "status", "method", "thread")
FRAME = ("filename", "abs_path", "function", "module", "lineno", "in_app")


def start_sentry(dsn: str) -> None:
    """Report each line of level error from now on. The SDK sends from a thread of its own."""
    sentry_sdk.init(
        dsn=dsn,
        release=f"punctual@{VERSION}",
        default_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        send_default_pii=False,
        include_local_variables=False,
        max_breadcrumbs=0,
        auto_session_tracking=False,
        before_send=only_allowed,
    )


def only_allowed(event: Event, hint: Hint) -> Event | None:
    """Return a new event of the allowed parts. One that is no line of the log is dropped."""
    record = hint.get("log_record")
    if not isinstance(record, logging.LogRecord):
        return None
    raw: dict[str, Any] = dict(event)
    kept = {name: raw[name] for name in KEPT if name in raw}
    is_ours = record.name == logger.name
    kept["logger"] = record.name
    kept["message"] = record.getMessage() if is_ours else record.name  # a library's text may have anything in it
    fields = {**getattr(record, "fields", {}), "request_id": request_id.get()} if is_ours else {}
    kept["tags"] = {name: str(fields[name])[:200] for name in (*TAGS, "request_id") if fields.get(name) is not None}
    values = (raw.get("exception") or {}).get("values") or []
    kept["exception"] = {"values": [_exception(value) for value in values]}
    return kept  # type: ignore[return-value]


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    shown = [{name: frame[name] for name in FRAME if name in frame} for frame in frames]
    return {"type": value.get("type"), "module": value.get("module"), "value": "", "stacktrace": {"frames": shown}}
