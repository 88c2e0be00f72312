"""Routes for operators and monitors: health, the scheduler's status, and a sweep by hand.

Invariant: no answer contains users' data.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from app.domain.times import to_wire
from app.operations.health import Health
from app.settings.proof import proof_of
from app.store.posts import queries
from app.version import VERSION
from app.web.auth import admin_required, deps
from app.web.cron import run_poll, why_skipped
from app.web.limits import limited_by_address

HEALTH = "punctual_health"  # the key of the app's HealthCheck among its extensions
blueprint = Blueprint("status", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer 200 while the process works, also without a database: a restart would not mend that.

    A nonce is answered with the proof of this installation, for the doctor.
    """
    answer = jsonify(status="ok", database=health().database, version=VERSION)
    proof = proof_of(deps().settings, request.headers.get("X-Punctual-Nonce", ""))
    if proof is not None:
        answer.headers["X-Punctual-Proof"] = proof
    return answer


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Answer 200 only if posts can go out: the database takes writes and is migrated, and the sweep runs."""
    found = health()
    status = "ok" if found.is_ready else "unavailable"
    answer = jsonify(status=status, database=found.database, migrations=found.migrations, sweep=found.sweep)
    return answer, 200 if found.is_ready else 503


def health() -> Health:
    """Return the findings of the app's health check."""
    found: Health = current_app.extensions[HEALTH].read()
    return found


@blueprint.get("/api/scheduler/status")
@limited_by_address
def scheduler_status() -> Response:
    from app.operations import status  # on first use: it adds 10 ms to a cold start

    return jsonify(status.scheduler_status(deps()))


@blueprint.post("/api/scheduler/run")
@admin_required
def scheduler_run() -> Any:
    swept = run_poll()
    with deps().db.reading() as connection:
        upcoming = queries.next_scheduled_at(connection, deps().clock.now())
    result = {
        "postsProcessed": swept.recovered,
        "postsPublished": swept.recovered - swept.failed,
        "durationMs": swept.duration_ms,
        "nextScheduledAt": to_wire(upcoming),
        "skipped": swept.skipped,
        **why_skipped(swept),
    }
    return jsonify(success=True, result=result)
