"""Schemas of requests and answers. The OpenAPI document is built from them too."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.domain.lifecycle import Status
from app.domain.platforms import MAX_CONTENT, MAX_MEDIA, PLATFORMS, POST_TYPES
from app.web.answer_lists import AnswerList
from app.web.fields import (
    Answer,
    Camel,
    Count,
    Instant,
    Items,
    Length,
    Name,
    Pasted,
    Text,
    Token,
    Uuid,
    WireInstant,
    WrittenTime,
    check_slot,
    http_url,
    next_slot,
)

MAX_CURSOR = 200
MAX_ID = 255
MAX_NAME = 255  # of an account
MAX_TOKEN = 8192
TEXT_OR_NULL = {"type": ["string", "null"]}  # of a field whose type is a function's


class MediaItem(Camel):
    url = http_url(required=True)
    type = Text(required=True, validate=validate.OneOf(("image", "video", "document")))


def media(**kwargs: Any) -> Items:
    return Items(fields.Nested(MediaItem), most=MAX_MEDIA, **kwargs)


class PostCreate(Camel):
    """A new post. With `scheduledAt` or `slot` it is scheduled in the same transaction."""

    content = Text(required=True, validate=Length(max=MAX_CONTENT))
    platform = Text(load_default="linkedin", validate=validate.OneOf(PLATFORMS))
    post_type = Text(load_default="post", validate=validate.OneOf(POST_TYPES))
    media = media(load_default=list)
    image_url = http_url(load_default=None, allow_none=True)
    social_account_id = Uuid(load_default=None, allow_none=True)
    client_id = Uuid(load_default=None, allow_none=True)
    company_id = Uuid(load_default=None, allow_none=True)
    scheduled_at = WrittenTime(load_default=None, allow_none=True, validate=Length(max=64))
    time_zone = Text(load_default=None, allow_none=True, validate=Length(max=64))
    fold = fields.Integer(load_default=0, strict=True, validate=validate.OneOf((0, 1)))
    slot = next_slot()

    @validates_schema
    def check_time(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Refuse a zone or a fold without the time that it is about. Raises: ValidationError."""
        check_slot(data)
        if data["scheduled_at"] is None and (data["time_zone"] is not None or data["fold"]):
            raise ValidationError("Send scheduledAt too, or neither timeZone nor fold.", "scheduledAt")


class PostEdit(Camel):
    content = Text(validate=Length(max=MAX_CONTENT))
    media = media()
    image_url = http_url(allow_none=True)
    social_account_id = Uuid()
    if_updated_at = Instant()


class ScheduleRequest(Camel):
    """The time of a post: `scheduledAt`, or a slot of its account's queue. One of the two."""

    scheduled_at = WrittenTime(load_default=None, validate=Length(max=64))
    time_zone = Text(load_default=None, allow_none=True, validate=Length(max=64))
    fold = fields.Integer(load_default=0, strict=True, validate=validate.OneOf((0, 1)))
    slot = next_slot()
    force = fields.Boolean(load_default=False, truthy={True}, falsy={False})

    @validates_schema
    def check_time(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Refuse two times, or none. Raises: ValidationError."""
        check_slot(data)
        if data["scheduled_at"] is None and data.get("slot") is None:
            raise ValidationError("Missing data for required field.", "scheduledAt")


class RecoverRequest(Camel):
    post_id = Pasted(required=True, validate=Length(max=64))
    action = Text(required=True, validate=validate.OneOf(("retry", "fail")))
    force = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class Warning_(Answer):
    code = fields.String()
    message = fields.String()


class RiskView(Answer):
    code = fields.String()
    message = fields.String()
    cure = fields.String()


class PostView(Answer):
    """A post. `risks` is what is known now to keep a scheduled post from going out on time."""

    id = fields.String()
    user_id = fields.String()
    company_id = fields.String(allow_none=True)
    client_id = fields.String(allow_none=True)
    social_account_id = fields.String(allow_none=True)
    platform = fields.String()
    post_type = fields.String()
    content = fields.String()
    media = fields.List(fields.Nested(MediaItem))
    image_url = fields.String(allow_none=True)
    status = fields.String(validate=validate.OneOf([status.value for status in Status]))
    scheduled_at = WireInstant(allow_none=True)
    time_zone = fields.String(allow_none=True)
    next_attempt_at = WireInstant(allow_none=True)
    generation = fields.Integer()
    attempt = fields.Integer()
    retry_count = fields.Integer()
    message_id = fields.String(allow_none=True)
    armed = fields.Boolean()
    external_post_id = fields.String(allow_none=True)
    linkedin_post_urn = fields.Function(
        lambda post: post["external_post_id"] if post["platform"] == "linkedin" else None, metadata=TEXT_OR_NULL
    )
    external_url = fields.String(allow_none=True)
    published_at = WireInstant(allow_none=True)
    lateness_ms = fields.Float(allow_none=True)
    published_lateness_ms = fields.Float(allow_none=True)
    error_code = fields.String(allow_none=True)
    error_message = fields.String(allow_none=True)
    created_at = WireInstant()
    updated_at = WireInstant()
    risks = fields.List(fields.Nested(RiskView))


class PostCreated(PostView):
    """A new post. The last two fields are there if it was scheduled at once."""

    SOMETIMES = ("local_time", "warnings")

    local_time = fields.String()
    warnings = fields.List(fields.Nested(Warning_))


class PostPage(Answer):
    data = AnswerList(PostView)
    next_cursor = fields.String(allow_none=True)


class ScheduleAnswer(Answer):
    status = fields.String()
    post_id = fields.String()
    scheduled_at = WireInstant()
    time_zone = fields.String(allow_none=True)
    local_time = fields.String()
    message_id = fields.String(allow_none=True)
    armed = fields.Boolean()
    warnings = fields.List(fields.Nested(Warning_))


class UnscheduleAnswer(Answer):
    status = fields.String()
    post_id = fields.String()


class AttemptView(Answer):
    attempt = fields.Integer()
    generation = fields.Integer()
    trigger = fields.String(validate=validate.OneOf(("message", "sweep", "poll", "manual")))
    woken_at = WireInstant(allow_none=True)
    started_at = WireInstant()
    sent_at = WireInstant(allow_none=True)
    accepted_at = WireInstant(allow_none=True)
    reported_at = WireInstant(allow_none=True)
    finished_at = WireInstant(allow_none=True)
    lateness_ms = fields.Float(allow_none=True)
    outcome = fields.String(allow_none=True)
    http_status = fields.Integer(allow_none=True)
    error_code = fields.String(allow_none=True)
    error = fields.String(allow_none=True)


class TransitionView(Answer):
    at = WireInstant()
    from_status = fields.String(data_key="from", allow_none=True)
    to_status = fields.String(data_key="to")
    reason = fields.String()
    actor = fields.String()
    generation = fields.Integer()
    attempt = fields.Integer()


class Timeline(Answer):
    SOMETIMES = ("next_cursor",)

    attempts = fields.List(fields.Nested(AttemptView))
    transitions = fields.List(fields.Nested(TransitionView))
    next_cursor = fields.String()


class TimelineQuery(Camel):
    limit = Count(load_default=200, validate=validate.Range(1, 200))
    cursor = Text(validate=Length(1, MAX_CURSOR))


class AccountCreate(Camel):
    platform = Text(load_default="linkedin", validate=validate.OneOf(PLATFORMS))
    external_id = Token(validate=Length(1, MAX_ID))
    person_urn = Token(validate=Length(1, MAX_ID))
    account_name = Name(validate=Length(1, MAX_NAME))
    access_token = Token(required=True, load_only=True, validate=Length(min=1, max=MAX_TOKEN))
    refresh_token = Token(load_only=True, allow_none=True, validate=Length(1, MAX_TOKEN))
    expires_at = Instant(allow_none=True)
    company_id = Uuid(allow_none=True)
    client_id = Uuid(allow_none=True)
    own_profile = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})


class AccountEdit(Camel):
    account_name = Name(validate=Length(1, MAX_NAME))
    access_token = Token(load_only=True, validate=Length(min=1, max=MAX_TOKEN))
    refresh_token = Token(load_only=True, allow_none=True, validate=Length(1, MAX_TOKEN))
    expires_at = Instant(allow_none=True)


class AccountView(Answer):
    id = fields.String()
    user_id = fields.String()
    company_id = fields.String(allow_none=True)
    client_id = fields.String(allow_none=True)
    platform = fields.String()
    external_id = fields.String()
    person_urn = fields.Function(lambda a: a.external_id if a.platform == "linkedin" else None, metadata=TEXT_OR_NULL)
    account_name = fields.String()
    status = fields.String(validate=validate.OneOf(("active", "reconnect_required")))
    expires_at = WireInstant(allow_none=True)
    profile_of = fields.String(allow_none=True)
    created_at = WireInstant()
    updated_at = WireInstant()


class AccountPage(Answer):
    data = fields.List(fields.Nested(AccountView))
    next_cursor = fields.String(allow_none=True)


class AccountQuery(Camel):
    platform = Text(validate=validate.OneOf(PLATFORMS))
    company_id = Uuid()
    client_id = Uuid()
    limit = Count(load_default=200, validate=validate.Range(1, 200))
    cursor = Text(validate=Length(1, MAX_CURSOR))


class SharedQuery(Camel):
    limit = Count(load_default=50, validate=validate.Range(1, 200))
    cursor = Text(validate=Length(1, MAX_CURSOR))


class PublishReport(Camel):
    """n8n's report. Additional fields of a workflow are ignored, and no optional field refuses it."""

    class Meta:
        unknown = "exclude"

    post_id = Pasted(required=True, validate=Length(max=64))
    status = Text(required=True, validate=validate.OneOf(("published", "failed")))
    linkedin_post_urn = fields.Raw(allow_none=True, load_default=None)
    external_post_id = fields.Raw(allow_none=True, load_default=None)
    error_message = fields.Raw(allow_none=True, load_default=None)
    error = fields.Raw(allow_none=True, load_default=None)
    error_code = fields.Raw(allow_none=True, load_default=None)
    http_status = fields.Raw(allow_none=True, load_default=None)
    retryable = fields.Raw(allow_none=True, load_default=None)
    attempt = fields.Raw(allow_none=True, load_default=None)


class ClaimRequest(Camel):
    class Meta:
        unknown = "exclude"

    post_id = Pasted(required=True, validate=Length(max=64))
    attempt = fields.Integer(required=True, validate=validate.Range(1, 1_000_000))
