"""Schemas of the routes of machines, operators and monitors. Only the OpenAPI document is built from them."""

from __future__ import annotations

from typing import Any, get_args

from marshmallow import fields, validate

from app.domain.delivery import DispatchStatus
from app.domain.lifecycle import Status
from app.operations.health import DatabaseHealth
from app.web.fields import Answer, WireInstant


def _one_of(*values: str, **options: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(values), **options)


def _statuses() -> list[str]:
    return [status.value for status in Status]


class Delivery(Answer):
    """One of our messages, as QStash delivers it. Additional fields are ignored."""

    SOMETIMES = ("user_id", "kind", "attempt", "armed_at", "not_before")
    post_id = fields.UUID()
    user_id = fields.String()
    generation = fields.Integer(validate=validate.Range(0, 2**31 - 1))
    kind = _one_of("lease", metadata={"description": "The end of an attempt's lease. None for the post's instant."})
    attempt = fields.Integer()
    armed_at = fields.Integer(metadata={"description": "Unix time in milliseconds."})
    not_before = fields.Integer(metadata={"description": "Unix time in seconds."})


class DeliveryAnswer(Answer):
    SOMETIMES = ("reason",)
    status = _one_of(*get_args(DispatchStatus))
    reason = fields.String()


class LostDelivery(Answer):
    """QStash's failure callback."""

    SOMETIMES = ("status",)
    source_message_id = fields.String(validate=validate.Length(1, 255))
    source_body = fields.String(metadata={"description": "Our message in base64."})
    status = fields.Integer()


class LostDeliveryAnswer(Answer):
    status = _one_of("recorded", "ignored")


class EventDelivery(Answer):
    """A message for the delivery of an event."""

    event_id = fields.UUID()


class EventDeliveryAnswer(Answer):
    status = fields.String(validate=validate.OneOf(("delivered", "ignored")))


class _MayBeSkipped(Answer):
    SOMETIMES = ("reason", "clock_skew_seconds")
    skipped = fields.Boolean()
    reason = _one_of("clock_skew")
    clock_skew_seconds = fields.Float()


class SweepAnswer(_MayBeSkipped):
    recovered = fields.Integer()
    total = fields.Integer()
    expired = fields.Integer()
    armed = fields.Integer()
    held = fields.Integer()
    remaining = fields.Integer()
    duration_ms = fields.Integer()


class PollAnswer(_MayBeSkipped):
    processed = fields.Integer()
    failed = fields.Integer()
    total = fields.Integer()
    remaining = fields.Integer()


class RunResult(_MayBeSkipped):
    posts_processed = fields.Integer()
    posts_published = fields.Integer()
    duration_ms = fields.Integer()
    next_scheduled_at = WireInstant(allow_none=True)


class RunAnswer(Answer):
    success = fields.Boolean()
    result = fields.Nested(RunResult)


class ReportAnswer(Answer):
    received = fields.Boolean()
    applied = fields.Boolean()
    status = fields.String(validate=validate.OneOf(_statuses()))


class ClaimAnswer(Answer):
    granted = fields.Boolean()


class HealthAnswer(Answer):
    status = _one_of("ok")
    database = _one_of(*get_args(DatabaseHealth))
    version = fields.String()


class ReadyAnswer(Answer):
    status = _one_of("ok", "unavailable")
    database = _one_of(*get_args(DatabaseHealth))
    migrations = _one_of("ok", "pending", "unknown")
    sweep = _one_of("ok", "late", "never", "unknown")


class ExecutionLock(Answer):
    held = fields.Boolean()
    by = fields.String(allow_none=True)
    expires_at = WireInstant(allow_none=True)


class Lateness(Answer):
    p50_ms = fields.Float(allow_none=True)
    p95_ms = fields.Float(allow_none=True)
    p99_ms = fields.Float(allow_none=True)
    max_ms = fields.Float(allow_none=True)
    count = fields.Integer()
    window = fields.String()


class PublishedLateness(Answer):
    p50_ms = fields.Float(allow_none=True)
    p99_ms = fields.Float(allow_none=True)
    max_ms = fields.Float(allow_none=True)
    count = fields.Integer()


class BreakerState(Answer):
    state = _one_of("closed", "half_open", "open")
    opened_at = WireInstant(allow_none=True)


class PublisherTimes(Answer):
    answer_p50_ms = fields.Float(allow_none=True, data_key="answerP50Ms")
    answer_p99_ms = fields.Float(allow_none=True, data_key="answerP99Ms")
    report_p50_ms = fields.Float(allow_none=True, data_key="reportP50Ms")
    report_p99_ms = fields.Float(allow_none=True, data_key="reportP99Ms")
    in_flight = fields.Integer()
    max_in_flight = fields.Integer()


class AlarmTimes(Answer):
    lead_seconds = fields.Float()
    late_p50_ms = fields.Float(allow_none=True, data_key="lateP50Ms")
    late_p99_ms = fields.Float(allow_none=True, data_key="lateP99Ms")


class AlertView(Answer):
    kind = fields.String()
    subject = fields.String(allow_none=True)
    since = WireInstant()
    last_at = WireInstant()
    count = fields.Integer()
    detail = fields.String()


class PauseState(Answer):
    """A pause of all sending by an operator. Null while posts are sent."""

    since = fields.String()
    reason = fields.String()


class SchedulerStatus(Answer):
    """The scheduler's state. Without a database, all figures are null."""

    operational = fields.Boolean()
    database = _one_of("ok", "not_migrated", "unreachable")
    message_service = _one_of("none", "configured")
    publisher = _one_of("none", "configured")
    last_run_at = WireInstant(allow_none=True)
    last_run_duration_ms = fields.Integer(allow_none=True)
    last_run_status = fields.String(allow_none=True)
    total_runs = fields.Integer(allow_none=True)
    total_published = fields.Integer(allow_none=True)
    total_processed = fields.Integer(allow_none=True)
    total_failed = fields.Integer(allow_none=True)
    execution_lock = fields.Nested(ExecutionLock, allow_none=True)
    queue = fields.Dict(keys=fields.String(), values=fields.Integer(), allow_none=True)
    overdue = fields.Integer(allow_none=True)
    oldest_overdue_seconds = fields.Float(allow_none=True)
    parked = fields.Integer(allow_none=True)
    unarmed = fields.Integer(allow_none=True)
    next_scheduled_at = WireInstant(allow_none=True)
    lateness = fields.Nested(Lateness, allow_none=True)
    breaker = fields.Nested(BreakerState, allow_none=True)
    n8n = fields.Nested(PublisherTimes, allow_none=True)
    alarm = fields.Nested(AlarmTimes, allow_none=True)
    published_lateness = fields.Nested(PublishedLateness, allow_none=True)
    paused = fields.Nested(PauseState, allow_none=True)
    alerts = fields.List(fields.Nested(AlertView))
