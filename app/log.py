"""The structured log: one JSON line for each event, routine ones on stdout and problems on stderr.

Vercel shows a line of stderr as an error.
Invariant: callers pass no secrets, and a line has visible characters alone, so no text can begin or hide another line.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO, cast

logger = logging.getLogger("punctual")

_PROBLEMS = """
    account.connect_failed account.not_revoked account.refresh_failed account.refresh_postponed
    account.token_unreadable alert alert.not_cleared alert.not_kept api_key.use_not_kept armings.not_counted
    auth.keys_unavailable breaker.opened clock.corrected console.build_unreadable console.sign_in_failed
    database.connection_lost database.not_migrated database.pool_exhausted database.unavailable delivery.refused
    events.not_published events.refused events.sweep_postponed gate.claim_alone gate.no_extra_sender gate.settle_alone
    idempotency.not_kept in_flight.not_shared jobs.postponed lease.not_armed linkedin.verifier_refused message.lost
    message.not_cancelled message.not_kept messages.outdated not_configured post.early_by_database post.not_armed
    post.not_compared post.not_settled post.rearm_limit pruning.postponed publisher.not_warm rate_limit.not_counted
    records.prune_postponed rehearsal.failed reports.missing restore.foreign_message restore.not_checked
    restore.went_back secret.refused sweep.clock_skew
"""
#: Events about a fault that an operator may have to mend. An event with a stack trace is an error anyway.
PROBLEMS = frozenset(_PROBLEMS.split())


#: The id of the request that this thread serves, in each of its lines. Threads for a request's work copy the context.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
#: The user whose request this thread serves, and the monotonic second when the request began.
caller: ContextVar[str | None] = ContextVar("caller", default=None)
began: ContextVar[float | None] = ContextVar("began", default=None)
#: The servers' own lines of accesses. Their queries hold codes of OAuth and tokens of callback addresses.
ACCESS_LOGS = ("werkzeug", "gunicorn.access", "granian.access")
#: The events of other loggers. Any other one is named after its logger.
_OTHER_EVENTS = {"granian.access": "access", "py.warnings": "python.warning"}
_QUERY = re.compile(r"\?[^\s\"]+")


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: `at`, `level`, `event`, then the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        own: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if (current := request_id.get()) is not None:
            own["request_id"] = current
        line = own | _of_request() | getattr(record, "fields", {}) | own  # ours win over fields of the same name
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _visible(json.dumps(line, default=str, ensure_ascii=False))


def _of_request() -> dict[str, Any]:
    """Return who sent the request, and how long it has lasted."""
    found: dict[str, Any] = {}
    if (by := caller.get()) is not None:
        found["by"] = by
    if (since := began.get()) is not None:
        found["duration_ms"] = round((time.monotonic() - since) * 1000, 1)
    return found


def begin_request(current: str) -> None:
    """Log as a part of this request from now on. The caller is unknown until `caller` is set."""
    request_id.set(current)
    began.set(time.monotonic())


def end_request() -> None:
    """Log outside of any request: the thread serves others next."""
    for of_request in (request_id, caller, began):
        of_request.set(None)


class ServerLines(JsonLines):
    """Formats a line of the server or of a library.

    The event is named after the logger, and the text is its `message`.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields = {"message": record.getMessage()}
        name = "server" if record.name.startswith("_granian") else _OTHER_EVENTS.get(record.name, record.name)
        event = logging.makeLogRecord(record.__dict__ | {"msg": name})
        event.args, event.fields = (), fields
        return super().format(event)


def _visible(line: str) -> str:
    """Escape control characters, line separators, bidi marks and lone surrogates, as JSON does."""
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in line)


@contextmanager
def in_request(current: str | None) -> Iterator[None]:
    """Log as a part of this request, from a thread that works for many."""
    token = request_id.set(current)
    try:
        yield
    finally:
        request_id.reset(token)


def hide_queries() -> None:
    """Hide the queries in the servers' own lines of accesses."""
    for name in ACCESS_LOGS:
        logging.getLogger(name).addFilter(hide_query)


def hide_query(record: logging.LogRecord) -> bool:
    """Replace the queries in a server's own line. A filter that keeps every record."""
    record.msg, record.args = _QUERY.sub("?…", record.getMessage()), ()
    return True


class _StreamHandler(logging.StreamHandler[TextIO]):
    """Writes to the stream that has this name now: a command's runner replaces it, and closes its own."""

    def __init__(self, name: str) -> None:
        logging.Handler.__init__(self)
        self._stream_name = name

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return cast(TextIO, getattr(sys, self._stream_name))


def configure() -> None:
    """Send events below WARNING to stdout, all others to stderr. Does nothing from the second call on."""
    if not logger.handlers:
        routine, problems = _StreamHandler("stdout"), _StreamHandler("stderr")
        routine.addFilter(lambda record: record.levelno < logging.WARNING)
        problems.setLevel(logging.WARNING)
        for handler in (routine, problems):
            handler.setFormatter(JsonLines())
            logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        hide_queries()
        _configure_others()


def _configure_others() -> None:
    """Format warnings of libraries and the end of threads too, unless logging is configured already."""
    if logging.root.handlers:
        return
    others = _StreamHandler("stderr")
    others.setLevel(logging.WARNING)
    others.setFormatter(ServerLines())
    others.addFilter(lambda record: record.name not in ACCESS_LOGS)  # the servers write these themselves
    logging.root.addHandler(others)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread


def _log_thread(ended: threading.ExceptHookArgs) -> None:
    """Log the unexpected end of a thread. Python calls this while it handles the exception."""
    emit("thread.failed", exc_info=True, thread=ended.thread.name if ended.thread else None)


def below_warning() -> logging.Filter:
    """Return a filter of routine lines, for the server's configuration."""
    return _Routine()


class _Routine(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING


def emit(event: str, *, level: int | None = None, exc_info: bool = False, **fields: Any) -> None:
    """Log one event, such as `emit("post.settled", post_id=…, attempt=2)`.

    Without a `level`, an event with a stack trace is an error, one of PROBLEMS a warning, every other one info.
    """
    if level is None:
        level = logging.ERROR if exc_info else logging.WARNING if event in PROBLEMS else logging.INFO
    if logger.isEnabledFor(level):
        logger.log(level, event, extra={"fields": fields}, exc_info=exc_info)
