"""n8n's routes: the report of a post's result, and the claim of an execution to publish it.

Invariant: only `postId` and `status` can refuse a report. Another field in a wrong form is read as a missing one.
"""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Blueprint, Response, jsonify

from app.delivery import report
from app.domain.outcomes import Report
from app.web import schemas
from app.web.auth import deps
from app.web.bodies import load
from app.web.callback_proof import Proof, proof_required
from app.web.ids import uuid_or_404

#: Printable ASCII without spaces, of the column's length.
_ID = re.compile(r"[!-~]{1,255}")
#: A missing value in the text of a workflow's expression.
_NO_VALUE = frozenset({"undefined", "null", "none", "nan", "true", "false", "0"})
MAX_TEXT = 100_000  # characters read of an error. A thousand of them are kept
_BOOLEANS = {"true": True, "false": False}

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/webhooks")


@blueprint.post("/publish-status")
@proof_required
def publish_status(proof: Proof) -> Response:
    body = load(schemas.PublishReport())
    post_id = uuid_or_404(body["post_id"])
    given = Report(
        post_id=post_id,
        published=body["status"] == "published",
        external_id=_as_id(body["linkedin_post_urn"]) or _as_id(body["external_post_id"]),
        error=_as_text(body["error_message"] or body["error"]),
        error_code=_as_text(body["error_code"])[:64],
        http_status=_as_status(body["http_status"]),
        retryable=_as_boolean(body["retryable"]),
        attempt=proof.attempt_of(post_id, _as_attempt(body["attempt"])),
    )
    result = report.apply_report(deps(), given)
    return jsonify(received=True, applied=result.applied, status=result.status)


@blueprint.post("/claim")
@proof_required
def claim(proof: Proof) -> Response:
    body = load(schemas.ClaimRequest())
    post_id, attempt = uuid_or_404(body["post_id"]), body["attempt"]
    proof.attempt_of(post_id, attempt)
    report.grant_execution_claim(deps(), post_id, attempt)
    return jsonify(granted=True)


def _as_status(value: Any) -> int | None:
    """Read an HTTP status of three digits. Returns None for other values."""
    digits = _digits(value)
    return int(digits) if len(digits) == 3 else None


def _as_attempt(value: Any) -> int | None:
    """Read the number of an attempt. Returns None for other values."""
    digits = _digits(value)
    return (int(digits) or None) if 0 < len(digits) < 10 else None


def _as_id(value: Any) -> str | None:
    """Read a platform's id from text or a whole number. Returns None for other values."""
    text = value.strip() if isinstance(value, str) else _digits(value)
    return text if _ID.fullmatch(text) and text.lower() not in _NO_VALUE else None


def _as_boolean(value: Any) -> bool | None:
    """Read true, false, 1, 0 and their names. Returns None for other values."""
    if isinstance(value, str):
        return _BOOLEANS.get(value.strip().lower())
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


def _digits(value: Any) -> str:
    """Return the ASCII digits of a whole number or of a text of digits, else the empty text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value).strip()
    return text if text.isascii() and text.isdigit() else ""


def _as_text(value: Any) -> str:
    """Convert an error to text of a bounded length. Workflows report text, numbers or whole objects."""
    if value is None:
        return ""
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:MAX_TEXT]
