"""QStash's route for events, and the publication of new events at the end of a request."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, jsonify

from app.deps import Deps
from app.domain.alerts import DELIVERIES_REFUSED
from app.events.deliver import deliver
from app.events.publish import publish_new
from app.log import emit
from app.web.auth import accept_machine, check_delivery, deps
from app.web.bodies import read_json, whole_body
from app.web.ids import uuid_or_none
from app.web.problems import problem, retry_after

blueprint = Blueprint("event_delivery", __name__, url_prefix="/api/webhooks")


@blueprint.post("/deliver")
def deliver_event() -> Any:
    """Deliver one event. A 503 makes QStash deliver again, a 489 does not."""
    refused = check_delivery(deps().settings.event_delivery_url)
    if refused:
        return refused
    named = (read_json(whole_body()) or {}).get("eventId")
    event_id = uuid_or_none(named) if isinstance(named, str) else None
    if event_id is None:
        return _final("malformed_message", "The body must be one of our messages: eventId.")
    result = deliver(deps(), event_id)
    accept_machine(DELIVERIES_REFUSED)
    if result == "failed":
        return _final("delivery_failed", "The endpoint takes this event no more.")
    if result in ("retry", "busy"):
        detail = "The endpoint did not take the event. Deliver this message again."
        return problem(503, "not_delivered", detail, Retry_After=retry_after())
    return jsonify(status=result)


def _final(code: str, detail: str) -> Response:
    """Answer with QStash's status 489: do not retry."""
    return problem(489, code, detail, Upstash_NonRetryable_Error="true")


def register(app: Flask, services: Deps) -> None:
    """Publish new events once a request's answer is out."""

    @app.after_request
    def _publish_later(response: Response) -> Response:
        if services.event_messages is not None and services.db.has_new_events.is_set():
            response.call_on_close(lambda: _publish(services))
        return response


def _publish(services: Deps) -> None:
    try:
        publish_new(services)
    except Exception:  # the answer is out, and the sweep comes again
        emit("events.not_published", exc_info=True)
