"""`flask doctor`: settings, database, message service, publisher, each with its cure where it does not work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.deps import Deps
from app.domain.errors import Unavailable
from app.store import health
from app.store.operations import runs

CURES = {
    "not_migrated": "is not migrated: flask --app wsgi db upgrade",
    "read_only": "takes no writes: point DATABASE_URL at the primary, or end its read-only mode",
}
SWEEP_IS_LATE_AFTER_SECONDS = 900
MISSING = {
    "auth": "users cannot call the API: set AUTH_JWT_SECRET or AUTH_JWKS_URL",
    "cron_secret": "the safety net's route is closed: set CRON_SECRET and give it to the cron",
    "n8n_callback_secret": "n8n cannot report back: set N8N_CALLBACK_SECRET and give it to the workflow",
    "token_encryption_keys": "no account can be connected: set TOKEN_ENCRYPTION_KEYS",
    "public_base_url": "n8n does not know where to report to: set PUBLIC_BASE_URL",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's answer: the thing checked, and the cure."""

    mark: Literal["OK", "WARN", "FAIL"]
    about: str
    text: str


def diagnose(deps: Deps) -> list[Finding]:
    """Return all findings, in reading order. Raises nothing."""
    return [*_settings(deps), *_database(deps), _messages(deps), _publisher(deps)]


def _settings(deps: Deps) -> list[Finding]:
    s = deps.settings
    present = {"auth": s.auth_jwt_secret or s.auth_jwks_url}
    missing = [text for name, text in MISSING.items() if not (present.get(name) or getattr(s, name, None))]
    return [Finding("FAIL", "settings", text) for text in missing] or [Finding("OK", "settings", "complete")]


def _database(deps: Deps) -> list[Finding]:
    kind = deps.db.engine.dialect.name
    try:
        state = health.read_state(deps.db).state
        if state != "ok":
            return [Finding("FAIL", "database", f"{kind} {CURES[state]}")]
        with deps.db.reading() as connection:
            figures = runs.read_figures(connection, runs.SWEEP)
    except Unavailable:
        return [Finding("FAIL", "database", f"{kind} cannot be reached: check DATABASE_URL")]
    found = [Finding("OK", "database", f"{kind} answers and is migrated")]
    now = deps.clock.now()
    if figures is None:
        found.append(Finding("WARN", "sweep", f"has never run: {_sweep_cure(deps)}"))
    else:
        age = round((now - figures.last_run_at).total_seconds())
        mark: Literal["OK", "WARN"] = "OK" if age < SWEEP_IS_LATE_AFTER_SECONDS else "WARN"
        late = f": {_sweep_cure(deps)}" if mark == "WARN" else ""
        found.append(Finding(mark, "sweep", f"ran {age} s ago, {figures.last_status}{late}"))
    return found


def _sweep_cure(deps: Deps) -> str:
    cure = "call GET /api/posts/recover every five minutes"
    return cure if deps.messages is None else f"{cure}, or let QStash do it: flask --app wsgi cron install"


def _messages(deps: Deps) -> Finding:
    if deps.messages is None:
        text = "poll mode: without QSTASH_TOKEN, posts go out only as often as the cron or flask sweep --every runs"
        return Finding("WARN", "qstash", text)
    problem = deps.messages.check()
    return Finding("FAIL", "qstash", problem) if problem else Finding("OK", "qstash", "answers and takes our token")


def _publisher(deps: Deps) -> Finding:
    if deps.publisher is None:
        return Finding("FAIL", "n8n", "no post can be sent: set N8N_WEBHOOK_URL to the workflow's production webhook")
    problem = deps.publisher.check()
    return Finding("FAIL", "n8n", problem) if problem else Finding("OK", "n8n", "can be reached")
