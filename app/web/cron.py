"""The platform cron's routes: the safety net, and the engine of poll mode. Both are the same sweep."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from app.recovering import poll, stand_off, sweep
from app.web.auth import deps, secret_required

blueprint = Blueprint("cron", __name__, url_prefix="/api/cron")


@secret_required("cron_secret")
def recover_by_secret() -> Any:
    return sweep_answer()


def sweep_answer() -> Response:
    swept = sweep(deps())
    return jsonify(
        recovered=swept.recovered,
        total=swept.total,
        expired=swept.expired,
        armed=swept.armed,
        held=swept.held,
        remaining=swept.remaining,
        durationMs=swept.duration_ms,
        skipped=swept.skipped,
    )


@blueprint.get("/publish-scheduled")
@secret_required("cron_secret")
def publish_scheduled() -> Response:
    """For installations without a message service: due posts are dispatched here, beside whoever else does so.
    `skipped` is true when another run has the housekeeping and left nothing due; with a message service, as above."""
    stand_off(deps())
    swept = poll(deps())
    return jsonify(
        processed=swept.recovered,
        failed=swept.failed,
        total=swept.total,
        remaining=swept.remaining,
        skipped=swept.skipped,
    )
