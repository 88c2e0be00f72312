"""Schemas of the operators' figures."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from app.domain.alerts import OF_MESSAGES, OF_PUBLISHERS
from app.domain.late_causes import CAUSES
from app.domain.time_windows import WINDOWS
from app.web.fields import Answer, Camel, Text, WireInstant
from app.web.spec.machine_schemas import PauseState


def _ms(name: str) -> fields.Float:
    return fields.Float(allow_none=True, data_key=name)


def _number() -> fields.Integer:
    return fields.Integer(allow_none=True)


def _one_of(*values: str) -> fields.String:
    return fields.String(validate=validate.OneOf(values))


def _counts(**options: Any) -> fields.Dict:
    return fields.Dict(keys=fields.String(), values=fields.Integer(), **options)


class WindowQuery(Camel):
    window = Text(load_default="24h", validate=validate.OneOf(list(WINDOWS)))


class Window(Answer):
    """The window of figures. Its end is the end of the bucket that has the present instant."""

    window = _one_of(*WINDOWS)
    start = WireInstant(data_key="from")
    end = WireInstant(data_key="to")
    bucket_seconds = fields.Integer()
    sample_per_bucket = fields.Integer()


class Percentiles(Answer):
    """Percentiles in milliseconds by nearest rank, null without values."""

    p50_ms = _ms("p50Ms")
    p95_ms = _ms("p95Ms")
    p99_ms = _ms("p99Ms")
    max_ms = _ms("maxMs")
    count = fields.Integer()


class Spread(Percentiles):
    """Percentiles, and the number of values within each bar. The last bar has all above the last bound."""

    histogram = fields.List(fields.Integer())


class PlatformSpread(Spread):
    platform = fields.String()


class LatenessBucket(Percentiles):
    at = WireInstant()


class Cause(Answer):
    """What made a send late. `formerCode` is the error of the try before, null without one."""

    code = _one_of(*CAUSES)
    message = fields.String()
    former_code = fields.String(allow_none=True)


class LateSendView(Answer):
    post_id = fields.String()
    platform = fields.String()
    attempt = fields.Integer()
    promised_at = WireInstant(allow_none=True)
    woken_at = WireInstant(allow_none=True)
    sent_at = WireInstant(allow_none=True)
    lateness_ms = fields.Float()
    trigger = _one_of("message", "sweep", "poll", "manual")
    cause = fields.Nested(Cause)


class LatenessFigures(Window):
    """Lateness of first tries. Of each bucket the latest `samplePerBucket` count."""

    bars_ms = fields.List(fields.Float())
    all = fields.Nested(Spread)
    platforms = fields.List(fields.Nested(PlatformSpread))
    buckets = fields.List(fields.Nested(LatenessBucket))
    latest_late = fields.List(fields.Nested(LateSendView))


class BoundedCount(Answer):
    """A number. Where `more` is true, there are more than it says."""

    at = WireInstant()
    count = fields.Integer()
    more = fields.Boolean()


class AttemptBucket(BoundedCount):
    outcomes = _counts()


class AttemptFigures(Window):
    """Tries by time. Outcomes are of the latest `samplePerBucket` tries of each bucket."""

    count = fields.Integer()
    per_hour = fields.Float()
    outcomes = _counts()
    buckets = fields.List(fields.Nested(AttemptBucket))
    next_hour = fields.List(fields.Nested(BoundedCount))


class SweepRunView(Answer):
    started_at = WireInstant()
    duration_ms = fields.Integer()
    status = _one_of("ok", "failed")
    recovered = fields.Integer()
    failed = fields.Integer()
    expired = fields.Integer()
    armed = fields.Integer()
    held = fields.Integer()
    pruned = fields.Integer()
    remaining = _number()


class SweepRuns(Answer):
    runs = fields.List(fields.Nested(SweepRunView))


class DatabaseState(Answer):
    state = _one_of("ok", "not_migrated", "unreachable")
    kind = fields.String()
    answer_ms = fields.Float(allow_none=True)


class MessageServiceState(Answer):
    """QStash, as its answers and messages show it. `latestMessageAt` is when a message last woke a post."""

    state = _one_of("none", "ok", "unknown", *OF_MESSAGES.values())
    host = fields.String(allow_none=True)
    latest_message_at = fields.String(allow_none=True)
    lead_seconds = fields.Float(allow_none=True)
    late_p50_ms = _ms("lateP50Ms")
    late_p99_ms = _ms("lateP99Ms")


class CircuitState(Answer):
    state = _one_of("closed", "half_open", "open")
    opened_at = fields.String(allow_none=True)


class PublisherState(Answer):
    """One n8n. `bestAnswerMs` is the shortest answer time that the answering process has seen in minutes."""

    name = fields.String()
    state = _one_of("ok", "unknown", "failing", *OF_PUBLISHERS.values())
    breaker = fields.Nested(CircuitState)
    in_flight = fields.Integer()
    max_in_flight = fields.Integer()
    best_answer_ms = fields.Float(allow_none=True)


class Times(Answer):
    p50_ms = _ms("p50Ms")
    p99_ms = _ms("p99Ms")


class AlertWithCure(Answer):
    kind = fields.String()
    subject = fields.String(allow_none=True)
    since = fields.String()
    last_at = fields.String()
    count = fields.Integer()
    detail = fields.String()
    cure = fields.String(allow_none=True)


class ServiceStates(Answer):
    """The outside services as they are known. Without a database the counts are null."""

    operational = fields.Boolean()
    paused = fields.Nested(PauseState, allow_none=True)
    database = fields.Nested(DatabaseState)
    message_service = fields.Nested(MessageServiceState)
    publishers = fields.List(fields.Nested(PublisherState))
    answers = fields.Nested(Times)
    reports = fields.Nested(Times)
    queue = _counts(allow_none=True)
    overdue = _number()
    unarmed = _number()
    parked = _number()
    alerts = fields.List(fields.Nested(AlertWithCure))
