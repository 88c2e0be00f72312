"""Routes for the weekly slots of an account's queue."""

from __future__ import annotations

from datetime import time
from typing import Any

from flask.views import MethodView
from marshmallow import fields, validate

from app.accounts.slots import preview_slots, read_slots, set_slots
from app.domain.slots import DAYS, MAX_PREVIEW, MAX_SLOTS, Queue, Slot, queue_of
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.fields import Answer, Camel, Count, Items, Length, Text, WireInstant
from app.web.ids import uuid_or_404

TIME_OF_DAY = r"\A([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?\Z"

blueprint = UserBlueprint(
    "slots", __name__, url_prefix="/api/social-accounts/<account_id>/slots", description="Weekly slots of accounts"
)


class SlotBody(Camel):
    day = Text(required=True, validate=validate.OneOf(DAYS))
    at = Text(
        required=True,
        validate=[
            Length(max=8),
            validate.Regexp(TIME_OF_DAY, error="Write a time of day as HH:MM:SS, such as 09:00:00."),
        ],
    )


class SlotsBody(Camel):
    time_zone = Text(required=True, validate=Length(1, 64))
    times = Items(fields.Nested(SlotBody), most=MAX_SLOTS, required=True)


class SlotView(Answer):
    day = fields.String(validate=validate.OneOf(DAYS))
    at = fields.String()


class SlotsView(Answer):
    time_zone = fields.String(allow_none=True)
    times = fields.List(fields.Nested(SlotView))


class NextQuery(Camel):
    count = Count(load_default=10, validate=validate.Range(1, MAX_PREVIEW))


class NextSlot(Answer):
    scheduled_at = WireInstant()
    local_time = fields.String()


class NextSlots(Answer):
    time_zone = fields.String(allow_none=True)
    data = fields.List(fields.Nested(NextSlot))


@blueprint.route("")
class Slots(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("getSlots", "404 not_found account_not_found")
    @blueprint.response(200, SlotsView)
    def get(self, account_id: str) -> dict[str, Any]:
        """Read the weekly slots of an account. Without any, timeZone is null."""
        return _view(read_slots(deps(), user_id(), uuid_or_404(account_id)))

    @blueprint.operation(
        "setSlots",
        "403 role_insufficient",
        "404 not_found account_not_found",
        "422 unknown_time_zone repeated_time",
    )
    @blueprint.arguments(SlotsBody)
    @blueprint.response(200, SlotsView)
    def put(self, body: dict[str, Any], account_id: str) -> dict[str, Any]:
        """Replace the weekly slots of an account, as an editor or owner. Scheduled posts keep their times.

        A time that clocks skip on a day moves forward by the length of the gap. A time that a day has twice is its
        first.
        """
        slots = [Slot(DAYS.index(one["day"]), time.fromisoformat(one["at"])) for one in body["times"]]
        queue = queue_of(body["time_zone"], slots)
        set_slots(deps(), user_id(), uuid_or_404(account_id), queue)
        return _view(queue)


@blueprint.route("/next")
@blueprint.operation("listNextSlots", "404 not_found account_not_found")
@user_required
@blueprint.arguments(NextQuery, location="query")
@blueprint.response(200, NextSlots)
def next_slots(query: dict[str, Any], account_id: str) -> dict[str, Any]:
    """Preview the next free slots of an account, none without slots. A preview reserves nothing."""
    queue, free = preview_slots(deps(), user_id(), uuid_or_404(account_id), query["count"])
    data = [{"scheduled_at": one.at, "local_time": one.local_time} for one in free]
    return {"time_zone": queue.time_zone, "data": data}


def _view(queue: Queue) -> dict[str, Any]:
    times = [{"day": DAYS[slot.day], "at": slot.at.isoformat()} for slot in queue.slots]
    return {"time_zone": queue.time_zone, "times": times}
