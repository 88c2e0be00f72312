"""Schemas of webhook endpoints and of their deliveries."""

from __future__ import annotations

from marshmallow import ValidationError, fields, validate

from app.domain.events import EventType
from app.domain.webhooks import TEST
from app.web.fields import Answer, Camel, Items, Text, Uuid, WireInstant, http_url

EVENTS = [event.value for event in EventType]
STATUSES = ("enabled", "disabled")


def _not_repeated(values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise ValidationError("Name each event once.")


def _at_least_one(values: list[str]) -> None:
    if not values:
        raise ValidationError("Name at least one event.")
    _not_repeated(values)


class EventTypes(Items):
    """A list of event types, each once."""

    def __init__(self, **options: bool) -> None:
        super().__init__(Text(validate=validate.OneOf(EVENTS)), most=len(EVENTS), **options)
        self.validators.append(_at_least_one)


class EndpointBody(Camel):
    url = http_url(required=True)
    events = EventTypes(required=True)
    company_id = Uuid(load_default=None, allow_none=True)


class EndpointChange(Camel):
    url = http_url()
    events = EventTypes()
    status = Text(validate=validate.OneOf(STATUSES))


class EndpointView(Answer):
    id = fields.String()
    user_id = fields.String()
    company_id = fields.String(allow_none=True)
    url = fields.String()
    events = fields.List(fields.String(validate=validate.OneOf(EVENTS)))
    status = fields.String(validate=validate.OneOf(STATUSES))
    failures = fields.Integer()
    previous_until = WireInstant(data_key="previousSecretUntil", allow_none=True)
    created_at = WireInstant()
    updated_at = WireInstant()


class NewEndpointView(EndpointView):
    """An endpoint with its secret, which is shown this once."""

    secret = fields.String()


class EndpointPage(Answer):
    data = fields.List(fields.Nested(EndpointView))
    next_cursor = fields.String(allow_none=True)


class EventDeliveryView(Answer):
    id = fields.String()
    endpoint_id = fields.String()
    type = fields.String(validate=validate.OneOf([*EVENTS, TEST]))
    data = fields.Dict(keys=fields.String())
    status = fields.String(validate=validate.OneOf(("pending", "delivered", "failed")))
    attempts = fields.Integer()
    last_status = fields.Integer(allow_none=True)
    last_error = fields.String(allow_none=True)
    created_at = WireInstant()
    delivered_at = WireInstant(allow_none=True)


class EventDeliveryPage(Answer):
    data = fields.List(fields.Nested(EventDeliveryView))
    next_cursor = fields.String(allow_none=True)
