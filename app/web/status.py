"""Routes for operators and monitors: health, the scheduler's status, and a sweep by hand.

Invariant: no answer contains users' data.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from app.domain.errors import Unavailable
from app.domain.times import to_wire
from app.store.posts import queries
from app.version import VERSION
from app.web.auth import admin_required, deps
from app.web.cron import run_poll

blueprint = Blueprint("status", __name__)


@blueprint.get("/healthz")
def healthz() -> tuple[Response, int]:
    try:
        deps().db.check()
    except Unavailable:
        return jsonify(status="unavailable", database="unreachable", version=VERSION), 503
    return jsonify(status="ok", database="ok", version=VERSION), 200


@blueprint.get("/api/scheduler/status")
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
    }
    return jsonify(success=True, result=result)
