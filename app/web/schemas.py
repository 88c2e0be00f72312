"""Schemas of requests and answers. The OpenAPI document is built from them too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.domain.lifecycle import Status
from app.domain.platforms import MAX_CONTENT, MAX_MEDIA, PLATFORMS, POST_TYPES
from app.domain.times import to_wire

MAX_URL = 2048
MAX_TOKEN = 8192


class Camel(Schema):
    """A schema with snake_case names inside and camelCase in JSON. It refuses unknown fields."""

    class Meta:
        unknown = RAISE

    def __deepcopy__(self, _memo: dict[int, Any]) -> Camel:
        """Return the schema itself.

        flask-smorest copies schemas at every decorator. Schemas never change, and copying them is slow.
        """
        return self

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        first, *rest = (field_obj.data_key or field_name).split("_")
        field_obj.data_key = first + "".join(part.capitalize() for part in rest)


class Text(fields.String):
    """Text for every database and every JSON parser: without NUL and without half of a surrogate pair."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if "\0" in text:
            raise ValidationError("Must not contain NUL characters.")
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise ValidationError("Contains half of a surrogate pair. Send complete characters.")
        return text


class WireInstant(fields.Field[Any]):
    """An instant, written as UTC with milliseconds."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return to_wire(value)


class OffsetInstant(fields.AwareDateTime):
    """An instant with an offset, converted to UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        instant: datetime = super()._deserialize(value, attr, data, **kwargs)
        try:
            return instant.astimezone(UTC)
        except (OverflowError, ValueError):
            raise ValidationError("Is outside the calendar.") from None


def short(**kwargs: Any) -> Text:
    return Text(validate=validate.Length(min=1, max=255), **kwargs)


def http_url(**kwargs: Any) -> Text:
    checks = [
        validate.Length(max=MAX_URL),
        validate.URL(schemes={"http", "https"}, require_tld=False, error="Must be an http(s) URL."),
    ]
    return Text(validate=checks, **kwargs)


class MediaItem(Camel):
    url = http_url(required=True)
    type = Text(required=True, validate=validate.OneOf(("image", "video", "document")))


def media(**kwargs: Any) -> fields.List[Any]:
    return fields.List(fields.Nested(MediaItem), validate=validate.Length(max=MAX_MEDIA), **kwargs)


class PostCreate(Camel):
    content = Text(required=True, validate=validate.Length(max=MAX_CONTENT))
    platform = Text(load_default="linkedin", validate=validate.OneOf(PLATFORMS))
    post_type = Text(load_default="post", validate=validate.OneOf(POST_TYPES))
    media = media(load_default=list)
    image_url = http_url(load_default=None, allow_none=True)
    social_account_id = fields.UUID(load_default=None, allow_none=True)
    client_id = fields.UUID(load_default=None, allow_none=True)
    company_id = fields.UUID(load_default=None, allow_none=True)


class PostEdit(Camel):
    content = Text(validate=validate.Length(max=MAX_CONTENT))
    media = media()
    image_url = http_url(allow_none=True)


class ScheduleRequest(Camel):
    scheduled_at = Text(required=True, validate=validate.Length(max=64))
    time_zone = Text(load_default=None, allow_none=True, validate=validate.Length(max=64))
    fold = fields.Integer(load_default=0, strict=True, validate=validate.OneOf((0, 1)))
    force = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class RecoverRequest(Camel):
    post_id = Text(required=True, validate=validate.Length(max=64))
    action = Text(required=True, validate=validate.OneOf(("retry", "fail")))
    force = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class PostView(Camel):
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
        lambda post: post.external_post_id if post.platform == "linkedin" else None, allow_none=True
    )
    external_url = fields.String(allow_none=True)
    published_at = WireInstant(allow_none=True)
    lateness_ms = fields.Float(allow_none=True)
    error_code = fields.String(allow_none=True)
    error_message = fields.String(allow_none=True)
    created_at = WireInstant()
    updated_at = WireInstant()


class PostPage(Camel):
    data = fields.List(fields.Nested(PostView))
    next_cursor = fields.String(allow_none=True)


class ListQuery(Camel):
    status = Text(validate=validate.OneOf([status.value for status in Status]))
    platform = Text(validate=validate.OneOf(PLATFORMS))
    company_id = fields.UUID()
    client_id = fields.UUID()
    social_account_id = fields.UUID()
    start = OffsetInstant(data_key="from")
    end = OffsetInstant(data_key="to")
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    cursor = Text(validate=validate.Length(max=200))


class Warning_(Camel):
    code = fields.String()
    message = fields.String()


class ScheduleAnswer(Camel):
    status = fields.String()
    post_id = fields.String()
    scheduled_at = WireInstant()
    time_zone = fields.String(allow_none=True)
    local_time = fields.String()
    message_id = fields.String(allow_none=True)
    armed = fields.Boolean()
    warnings = fields.List(fields.Nested(Warning_))


class UnscheduleAnswer(Camel):
    status = fields.String()
    post_id = fields.String()


class AttemptView(Camel):
    attempt = fields.Integer()
    generation = fields.Integer()
    trigger = fields.String(validate=validate.OneOf(("message", "sweep", "poll", "manual")))
    started_at = WireInstant()
    sent_at = WireInstant(allow_none=True)
    finished_at = WireInstant(allow_none=True)
    lateness_ms = fields.Float(allow_none=True)
    outcome = fields.String(allow_none=True)
    http_status = fields.Integer(allow_none=True)
    error_code = fields.String(allow_none=True)
    error = fields.String(allow_none=True)


class TransitionView(Camel):
    at = WireInstant()
    from_status = fields.String(data_key="from", allow_none=True)
    to_status = fields.String(data_key="to")
    reason = fields.String()
    actor = fields.String()
    generation = fields.Integer()
    attempt = fields.Integer()


class Timeline(Camel):
    attempts = fields.List(fields.Nested(AttemptView))
    transitions = fields.List(fields.Nested(TransitionView))


class AccountCreate(Camel):
    platform = Text(load_default="linkedin", validate=validate.OneOf(PLATFORMS))
    external_id = short()
    person_urn = short()
    account_name = Text(validate=validate.Length(max=255))
    access_token = Text(required=True, load_only=True, validate=validate.Length(min=1, max=MAX_TOKEN))
    refresh_token = Text(load_only=True, allow_none=True, validate=validate.Length(max=MAX_TOKEN))
    expires_at = OffsetInstant(allow_none=True)
    company_id = fields.UUID(allow_none=True)
    client_id = fields.UUID(allow_none=True)


class AccountEdit(Camel):
    account_name = Text(validate=validate.Length(max=255))
    access_token = Text(load_only=True, validate=validate.Length(min=1, max=MAX_TOKEN))
    refresh_token = Text(load_only=True, allow_none=True, validate=validate.Length(max=MAX_TOKEN))
    expires_at = OffsetInstant(allow_none=True)


class AccountView(Camel):
    id = fields.String()
    user_id = fields.String()
    company_id = fields.String(allow_none=True)
    client_id = fields.String(allow_none=True)
    platform = fields.String()
    external_id = fields.String()
    person_urn = fields.Function(lambda a: a.external_id if a.platform == "linkedin" else None, allow_none=True)
    account_name = fields.String()
    status = fields.String(validate=validate.OneOf(("active", "reconnect_required")))
    expires_at = WireInstant(allow_none=True)
    created_at = WireInstant()
    updated_at = WireInstant()


class AccountPage(Camel):
    data = fields.List(fields.Nested(AccountView))
    next_cursor = fields.String(allow_none=True)


class AccountQuery(Camel):
    platform = Text(validate=validate.OneOf(PLATFORMS))
    company_id = fields.UUID()
    client_id = fields.UUID()
    limit = fields.Integer(load_default=200, validate=validate.Range(1, 200))
    cursor = Text(validate=validate.Length(max=200))


class ConnectQuery(Camel):
    company_id = fields.UUID()
    client_id = fields.UUID()


class ConnectView(Camel):
    authorization_url = fields.String()
    expires_at = WireInstant()


class PublishReport(Camel):
    """n8n's report. Additional fields of a workflow are ignored, and no optional field refuses it."""

    class Meta:
        unknown = "exclude"

    post_id = Text(required=True, validate=validate.Length(max=64))
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

    post_id = Text(required=True, validate=validate.Length(max=64))
    attempt = fields.Integer(required=True, validate=validate.Range(1, 1_000_000))
