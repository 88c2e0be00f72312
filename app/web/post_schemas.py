"""Schemas of the filters of posts, of their counts, and of the actions publish and attach."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from app.domain.platforms import PLATFORMS
from app.domain.post_lists import Sort
from app.domain.text_search import MAX_SEARCH
from app.web.fields import Answer, Camel, Count, Instant, Length, Pasted, Statuses, Text, Token, Uuid, http_url
from app.web.schemas import MAX_CURSOR, MAX_ID, RiskView

#: The documented errors of an order to publish, and of the time in one.
ORDER_ERRORS = (
    "409 in_flight already_published already_cancelled force_required changed_meanwhile",
    "422 account_missing account_ambiguous platform_limits quota_exceeded",
)
TIME_ERRORS = (
    "422 invalid_time timezone_required unknown_time_zone nonexistent_local_time schedule_in_past schedule_too_far",
    "422 no_slots no_free_slot",
)


class PublishRequest(Camel):
    force = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class AttachRequest(Camel):
    """The post on its platform: the link to it, or its id. One of the two."""

    url = http_url(load_default=None)
    external_post_id = Token(load_default=None, validate=Length(1, MAX_ID))

    @validates_schema
    def check_fields(self, data: dict[str, Any], **_kwargs: Any) -> None:
        """Refuse two fields, or none. Raises: ValidationError."""
        if (data["url"] is None) == (data["external_post_id"] is None):
            raise ValidationError("Send one of url and externalPostId.", "url")


class PostQuery(Camel):
    """The filters of posts. `from` and `to` bound scheduledAt, `to` excluded."""

    status = Statuses()
    platform = Text(validate=validate.OneOf(PLATFORMS))
    company_id = Uuid()
    client_id = Uuid()
    social_account_id = Uuid()
    q = Pasted(validate=Length(1, MAX_SEARCH))
    needs_attention = fields.Boolean(truthy={"true"}, falsy={"false"})
    start = Instant(data_key="from")
    end = Instant(data_key="to")
    updated_since = Instant()


class ListQuery(PostQuery):
    sort = Text(load_default=Sort.CREATED, validate=validate.OneOf([sort.value for sort in Sort]))
    order = Text(load_default="desc", validate=validate.OneOf(("asc", "desc")))
    limit = Count(load_default=50, validate=validate.Range(1, 200))
    cursor = Text(validate=Length(1, MAX_CURSOR))


class CauseView(RiskView):
    SOMETIMES = ("social_account_id",)

    count = fields.Integer()
    social_account_id = fields.String()


class PostCounts(Answer):
    """Counts of posts. A status has at most 10,000: so many, or more."""

    by_status = fields.Dict(keys=fields.String(), values=fields.Integer())
    needs_attention = fields.List(fields.Nested(CauseView))
