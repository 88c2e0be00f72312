"""The platform cron's routes: the safety net, and the engine of poll mode. Both are the same sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from app.web.auth import deps, secret_required

if TYPE_CHECKING:
    from app.sweep.sweep import Swept

blueprint = Blueprint("cron", __name__, url_prefix="/api/cron")


def run_sweep() -> Swept:
    """One sweep. Its code is imported by the first: a cold start that only dispatches does without."""
    from app.sweep.sweep import sweep

    return sweep(deps())


def run_poll() -> Swept:
    """One poll, imported likewise."""
    from app.sweep.sweep import poll

    return poll(deps())


@secret_required("cron_secret")
def recover_by_secret() -> Any:
    return sweep_answer()


def sweep_answer() -> Response:
    swept = run_sweep()
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
    from app.sweep.sweep import stand_off

    stand_off(deps())
    swept = run_poll()
    return jsonify(
        processed=swept.recovered,
        failed=swept.failed,
        total=swept.total,
        remaining=swept.remaining,
        skipped=swept.skipped,
    )
