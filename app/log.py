"""The structured log: one JSON line for each event, routine ones on stdout and problems on stderr.

Vercel shows a line of stderr as an error. Invariant: callers pass no secrets.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO, cast

logger = logging.getLogger("punctual")

_PROBLEMS = """
    account.connect_failed account.refresh_failed account.refresh_postponed account.token_unreadable
    alert alert.not_cleared alert.not_kept auth.keys_unavailable breaker.opened clock.corrected
    database.connection_lost database.not_migrated database.pool_exhausted database.unavailable
    delivery.refused gate.claim_alone gate.settle_alone idempotency.not_kept lease.not_armed
    linkedin.verifier_refused message.lost messages.outdated message.not_cancelled message.not_kept not_configured
    post.early_by_database post.not_armed post.not_compared post.not_settled post.rearm_limit pruning.postponed
    publisher.not_warm records.prune_postponed reports.missing restore.foreign_message restore.not_checked
    restore.went_back secret.refused sweep.clock_skew
"""
#: Events about a fault that an operator may have to mend. An event with a stack trace is an error anyway.
PROBLEMS = frozenset(_PROBLEMS.split())


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: `at`, `level`, `event`, then the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        own: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line = own | getattr(record, "fields", {}) | own  # ours win over fields of the same name
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


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


def emit(event: str, *, level: int | None = None, exc_info: bool = False, **fields: Any) -> None:
    """Log one event, such as `emit("post.settled", post_id=…, attempt=2)`.

    Without a `level`, an event with a stack trace is an error, one of PROBLEMS a warning, every other one info.
    """
    if level is None:
        level = logging.ERROR if exc_info else logging.WARNING if event in PROBLEMS else logging.INFO
    if logger.isEnabledFor(level):
        logger.log(level, event, extra={"fields": fields}, exc_info=exc_info)
