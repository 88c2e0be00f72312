"""QStash's routes: a signed delivery at the instant, and the notice of a lost one."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Blueprint, Response, current_app, g, jsonify, request

from app.alarms import lead_seconds
from app.delivery.alarm_lost import record_lost_alarm
from app.domain.alerts import DELIVERIES_REFUSED
from app.log import emit
from app.web.auth import accept_machine, check_delivery, deps
from app.web.bodies import read_json, whole_body
from app.web.ids import uuid_or_none
from app.web.problems import problem, retry_after
from app.web.turnstile import turnstile

if TYPE_CHECKING:
    from app.delivery.rehearsal import Rehearsal
    from app.domain.delivery import Dispatched

REHEARSAL = "punctual_rehearsal"  # among the app's extensions
blueprint = Blueprint("dispatch", __name__, url_prefix="/api/posts")
MAX_COUNTER = 2**31
MAX_MS = 253_402_300_800_000  # the year 10000
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


class Message(NamedTuple):
    """One of our messages. `attempt` is of the lease whose end it announces, None for the current attempt.

    `armed_at` is the instant of its publication by our clock, and `alarm_at` the second that it was armed for. Both are
    None in messages of older versions.
    """

    post_id: str
    owner: str
    generation: int
    ends_lease: bool
    attempt: int | None
    armed_at: datetime | None
    alarm_at: datetime | None

    def is_ahead(self, now: datetime, lead: float) -> bool:
        """Return True unless the post's instant is over: `lead` seconds after the message's own second."""
        return self.alarm_at is None or self.alarm_at + timedelta(seconds=lead) > now

    @property
    def is_overdue_when_armed(self) -> bool:
        """Return True if its second had passed when it was armed, as for "publish now". Its delay is no lateness."""
        return self.armed_at is not None and self.alarm_at is not None and self.armed_at > self.alarm_at


@blueprint.post("/dispatch")
def dispatch() -> Any:
    """Handle one delivery. A 503 makes QStash deliver again: nothing was recorded, or no other alarm could be set."""
    refused = check_delivery(deps().settings.dispatch_url)
    if refused:
        return refused
    message = _read_message(whole_body())
    if message is None:
        return _malformed()
    is_ahead = message.is_ahead(deps().clock.now(), lead_seconds(deps()))
    turnstile().give_delivery_turn(message.owner, is_ahead=is_ahead)
    if is_ahead and message.alarm_at is not None:  # so there is time
        _rehearsal().begin(deps())
    result = _handle(message)
    accept_machine(DELIVERIES_REFUSED)
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
    notice = read_json(whole_body()) or {}
    try:
        message = _read_message(base64.b64decode(notice.get("sourceBody") or ""))
    except (binascii.Error, ValueError, TypeError):
        message = None
    message_id = notice.get("sourceMessageId")
    if message is None or not isinstance(message_id, str) or not MESSAGE_ID.fullmatch(message_id):
        return _malformed()
    unarmed = record_lost_alarm(deps(), message.post_id, message_id)
    emit("message.lost", post_id=message.post_id, message_id=message_id, unarmed=unarmed, status=notice.get("status"))
    return jsonify(status="recorded" if unarmed else "ignored")


def _rehearsal() -> Rehearsal:
    """Return the rehearsal of this app's process."""
    from app.delivery.rehearsal import Rehearsal

    found: Rehearsal = current_app.extensions.setdefault(REHEARSAL, Rehearsal())
    return found


def _handle(message: Message) -> Dispatched:
    # Imported on first use: both add 5 ms to a cold start, and other routes do not need them.
    from app.delivery import dispatch, leases

    if message.ends_lease:
        result = leases.end_lease_by_alarm(deps(), message.post_id, message.generation, message.attempt)
    else:
        message_id = request.headers.get("Upstash-Message-Id")
        # A later delivery of the message says nothing of the service's delay: we or the network refused the first.
        is_first = request.headers.get("Upstash-Retried", "0") == "0"
        alarm_at = message.alarm_at if is_first and not message.is_overdue_when_armed else None
        result = dispatch.dispatch(
            deps(), message.post_id, message.generation, "message", message_id, g.signed_at, alarm_at
        )
    if result.status == "ignored" and result.reason in ("stale", "unknown") and message.armed_at is not None:
        from app.restore.went_back import check_message

        attempt = message.attempt if message.ends_lease else None
        check_message(deps(), message.post_id, message.generation, attempt, message.armed_at)
    return result


def _read_message(raw: bytes) -> Message | None:
    body = read_json(raw) or {}
    post_id, generation, kind = body.get("postId"), _as_counter(body.get("generation")), body.get("kind")
    if not isinstance(post_id, str) or generation is None or kind not in (None, "lease"):
        return None
    canonical_id = uuid_or_none(post_id)
    attempt = _as_counter(body.get("attempt"))
    armed_at, alarm_at = _as_instant(body.get("armedAt")), _as_instant(body.get("notBefore"), 1)
    owner = str(body.get("userId", ""))
    return (
        Message(canonical_id, owner, generation, kind == "lease", attempt, armed_at, alarm_at) if canonical_id else None
    )


def _as_counter(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < MAX_COUNTER else None


def _as_instant(value: Any, per_second: int = 1000) -> datetime | None:
    """Return the instant of a unix time in units of `per_second` to the second, None for anything else."""
    if type(value) is not int or not 0 <= value < MAX_MS // 1000 * per_second:
        return None
    return datetime.fromtimestamp(value / per_second, UTC)


def _malformed() -> Response:
    """Answer with QStash's status 489: do not retry."""
    detail = "The body must be one of our messages: postId, userId, generation."
    return problem(489, "malformed_message", detail, Upstash_NonRetryable_Error="true")
