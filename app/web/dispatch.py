"""QStash's routes: a signed delivery at the instant, and the notice of a lost one."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.delivery.alarm_lost import record_lost_alarm
from app.log import emit
from app.web.auth import check_delivery, check_internal_secret, deps
from app.web.bodies import read_json
from app.web.ids import uuid_or_none
from app.web.problems import problem, retry_after

blueprint = Blueprint("dispatch", __name__, url_prefix="/api/posts")
MAX_GENERATION = 2**31
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


@blueprint.post("/dispatch")
def dispatch() -> Any:
    """Handle one delivery. A 503 makes QStash deliver again: nothing was recorded, or no other alarm could be set."""
    refused = check_delivery(deps().settings.dispatch_url) or check_internal_secret()
    if refused:
        return refused
    message = _read_message(request.get_data())
    if message is None:
        return _malformed()
    from app.delivery import dispatch  # on first use: it adds 5 ms to a cold start, and other routes do not need it

    post_id, generation = message
    result = dispatch.dispatch(deps(), post_id, generation, "message", request.headers.get("Upstash-Message-Id"))
    if not result.armed:  # the delivered message is the only alarm left, so it must come again
        detail = "The post's next alarm could not be set. Deliver this message again."
        return problem(503, "not_armed", detail, Retry_After=retry_after())
    answer = {"status": result.status}
    return jsonify(answer | {"reason": result.reason} if result.reason else answer)


@blueprint.post("/dispatch-failed")
def dispatch_failed() -> Any:
    """Record a lost alarm. The post is unarmed then, and the sweep finds it."""
    refused = check_delivery(deps().settings.dispatch_failed_url)
    if refused:
        return refused
    notice = read_json(request.get_data()) or {}
    try:
        message = _read_message(base64.b64decode(notice.get("sourceBody") or ""))
    except (binascii.Error, ValueError, TypeError):
        message = None
    message_id = notice.get("sourceMessageId")
    if message is None or not isinstance(message_id, str) or not MESSAGE_ID.fullmatch(message_id):
        return _malformed()
    unarmed = record_lost_alarm(deps(), message[0], message_id)
    emit("message.lost", post_id=message[0], message_id=message_id, unarmed=unarmed, status=notice.get("status"))
    return jsonify(status="recorded" if unarmed else "ignored")


def _read_message(raw: bytes) -> tuple[str, int] | None:
    body = read_json(raw) or {}
    post_id, generation = body.get("postId"), body.get("generation")
    if not isinstance(post_id, str) or type(generation) is not int or not 0 <= generation < MAX_GENERATION:
        return None
    canonical_id = uuid_or_none(post_id)
    return (canonical_id, generation) if canonical_id else None


def _malformed() -> Response:
    """Answer with QStash's status 489: do not retry."""
    detail = "The body must be one of our messages: postId, userId, generation."
    return problem(489, "malformed_message", detail, Upstash_NonRetryable_Error="true")
