"""n8n's routes: the report of a post's result, and the claim of an execution to publish it."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify

from app.delivery import report
from app.domain.outcomes import Report
from app.web import schemas
from app.web.auth import deps, secret_required
from app.web.bodies import load
from app.web.ids import uuid_or_404

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/webhooks")
n8n_only = secret_required("n8n_callback_secret", header="X-Callback-Secret")


@blueprint.post("/publish-status")
@n8n_only
def publish_status() -> Response:
    body = load(schemas.PublishReport())
    given = Report(
        post_id=uuid_or_404(body["post_id"]),
        published=body["status"] == "published",
        external_id=body["linkedin_post_urn"] or body["external_post_id"],
        error=_as_text(body["error_message"] or body["error"]),
        error_code=_as_text(body["error_code"])[:64],
        http_status=_as_status(body["http_status"]),
        retryable=body["retryable"] if isinstance(body["retryable"], bool) else None,
        attempt=body["attempt"],
    )
    result = report.apply_report(deps(), given)
    return jsonify(received=True, applied=result.applied, status=result.status)


@blueprint.post("/claim")
@n8n_only
def claim() -> Response:
    body = load(schemas.ClaimRequest())
    report.grant_execution_claim(deps(), uuid_or_404(body["post_id"]), body["attempt"])
    return jsonify(granted=True)


def _as_status(value: Any) -> int | None:
    """Read an HTTP status from a number or digits. Other values become None, so the report is still accepted."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else None


def _as_text(value: Any) -> str:
    """Convert an error to text. Workflows report text, numbers or whole objects."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
