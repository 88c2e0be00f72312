"""Routes for the platform's cron: the safety net, and the engine of poll mode. Both run the same sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from app.domain.alerts import CRON_REFUSED
from app.domain.turns import leave
from app.web.addresses import acts_on_get
from app.web.auth import deps, secret_required

if TYPE_CHECKING:
    from app.sweep.run import Swept

blueprint = Blueprint("cron", __name__, url_prefix="/api/cron")


def run_sweep() -> Swept:
    """Run one sweep. Its code is imported on first use, because a cold start for a dispatch does not need it."""
    from app.sweep.sweep import sweep

    leave()
    return sweep(deps())


def run_poll() -> Swept:
    """Run one poll. Its code is imported on first use too."""
    from app.sweep.sweep import poll

    leave()
    return poll(deps())


@secret_required("cron_secret", CRON_REFUSED)
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
        **why_skipped(swept),
    )


def why_skipped(swept: Swept) -> dict[str, Any]:
    """Return why a sweep sent nothing: a pause or a wrong clock. Else return no fields."""
    if swept.paused:
        return {"reason": "sending_paused"}
    if swept.clock_skew_seconds is None:
        return {}
    return {"reason": "clock_skew", "clockSkewSeconds": swept.clock_skew_seconds}


@blueprint.get("/publish-scheduled")
@acts_on_get
@secret_required("cron_secret", CRON_REFUSED)
def publish_scheduled() -> Response:
    """Dispatch due posts, for installations without a message service. Several callers may run at the same time.

    `skipped` is true when another run does the housekeeping and left nothing due. With a message service this is the
    same sweep as `recover_by_secret`.
    """
    from app.sweep.sweep import wait_jitter

    leave()
    wait_jitter(deps())
    swept = run_poll()
    return jsonify(
        processed=swept.recovered,
        failed=swept.failed,
        total=swept.total,
        remaining=swept.remaining,
        skipped=swept.skipped,
        **why_skipped(swept),
    )
