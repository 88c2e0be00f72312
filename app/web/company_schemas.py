"""Schemas of companies, members and clients."""

from __future__ import annotations

from marshmallow import fields, validate

from app.domain.companies import MAX_NAME, Role
from app.web.fields import Camel, Count, Length, Name, Text, WireInstant
from app.web.schemas import MAX_CURSOR

MAX_MEMBER_CURSOR = 3000  # a cursor of members holds a user id


class NameBody(Camel):
    name = Name(required=True, validate=Length(1, MAX_NAME))


class CompanyView(Camel):
    id = fields.String()
    name = fields.String()
    role = fields.String(validate=validate.OneOf([role.value for role in Role]))
    joined_at = WireInstant()
    created_at = WireInstant()
    updated_at = WireInstant()


class MemberBody(Camel):
    role = Text(required=True, validate=validate.OneOf([role.value for role in Role]))


class MemberView(Camel):
    company_id = fields.String()
    user_id = fields.String()
    role = fields.String(validate=validate.OneOf([role.value for role in Role]))
    created_at = WireInstant()


class ClientView(Camel):
    id = fields.String()
    company_id = fields.String()
    name = fields.String()
    created_at = WireInstant()
    updated_at = WireInstant()


class CompanyPage(Camel):
    data = fields.List(fields.Nested(CompanyView))
    next_cursor = fields.String(allow_none=True)


class MemberPage(Camel):
    data = fields.List(fields.Nested(MemberView))
    next_cursor = fields.String(allow_none=True)


class ClientPage(Camel):
    data = fields.List(fields.Nested(ClientView))
    next_cursor = fields.String(allow_none=True)


class PageQuery(Camel):
    limit = Count(load_default=50, validate=validate.Range(1, 200))
    cursor = Text(validate=Length(1, MAX_CURSOR))


class MemberQuery(PageQuery):
    cursor = Text(validate=Length(1, MAX_MEMBER_CURSOR))
