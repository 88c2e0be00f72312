"""Schemas of companies, members and clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import ValidationError, fields, validate

from app.domain.audit import Action
from app.domain.companies import MAX_NAME, Role
from app.domain.principal import MAX_USER_ID_LENGTH, is_user_id
from app.web.fields import Answer, Camel, Count, Instant, Length, Name, Pasted, Text, WireInstant
from app.web.schemas import MAX_CURSOR

MAX_MEMBER_CURSOR = 3000  # a cursor of members holds a user id
MAX_EMAIL = 254
MAX_CSV_ROWS = 5_000
ROLES = [role.value for role in Role]


class NameBody(Camel):
    name = Name(required=True, validate=Length(1, MAX_NAME))


class CompanyView(Answer):
    id = fields.String()
    name = fields.String()
    role = fields.String(validate=validate.OneOf(ROLES))
    joined_at = WireInstant()
    created_at = WireInstant()
    updated_at = WireInstant()


class MemberBody(Camel):
    role = Text(required=True, validate=validate.OneOf(ROLES))


class MemberView(Answer):
    company_id = fields.String()
    user_id = fields.String()
    role = fields.String(validate=validate.OneOf(ROLES))
    created_at = WireInstant()


def camel_names(names: Sequence[str]) -> list[str]:
    """Return names of columns as in JSON."""
    words = [name.split("_") for name in names]
    return [first + "".join(part.capitalize() for part in rest) for first, *rest in words]


class ChangedFields(fields.List[str]):
    """A list of changed fields, named as in JSON."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[Any] | None:
        return super()._serialize(camel_names(value), attr, obj, **kwargs)


class UserId(Text):
    """A user id, as in tokens."""

    def check(self, text: str) -> None:
        if not is_user_id(text):
            raise ValidationError("No user can have this id.")


class InvitationBody(Camel):
    user_id = UserId(load_default=None, allow_none=True, validate=Length(1, MAX_USER_ID_LENGTH))
    email = Pasted(load_default=None, allow_none=True, validate=[Length(3, MAX_EMAIL), validate.Email()])
    role = Text(required=True, validate=validate.OneOf(ROLES))
    expires_at = Instant(load_default=None, allow_none=True)


class InvitationView(Answer):
    id = fields.String()
    company_id = fields.String()
    user_id = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    role = fields.String(validate=validate.OneOf(ROLES))
    invited_by = fields.String()
    created_at = WireInstant()
    expires_at = WireInstant()


class NewInvitationView(InvitationView):
    token = fields.String()


class OwnInvitationView(InvitationView):
    company_name = fields.String()


class PutMemberView(MemberView):
    """A member, or an invited user: then `invitation` has the token to pass on, and `createdAt` is the invitation's."""

    status = fields.String(validate=validate.OneOf(("member", "invited")))
    invitation = fields.Nested(NewInvitationView, allow_none=True)


class WithheldView(Answer):
    code = fields.String(validate=validate.OneOf(("member_left", "account_withdrawn")))
    message = fields.String()
    social_account_id = fields.String()
    count = fields.Integer()


class CompanyWarnings(Answer):
    warnings = fields.List(fields.Nested(WithheldView))


class AuditView(Answer):
    id = fields.String()
    at = WireInstant()
    company_id = fields.String(allow_none=True)
    actor = fields.String()
    action = fields.String(validate=validate.OneOf([action.value for action in Action]))
    target = fields.String()
    changed = ChangedFields(fields.String(), attribute="fields", data_key="fields")
    client_address = fields.String(allow_none=True)
    user_agent = fields.String(allow_none=True)
    request_id = fields.String(allow_none=True)


class ClientView(Answer):
    id = fields.String()
    company_id = fields.String()
    name = fields.String()
    created_at = WireInstant()
    updated_at = WireInstant()


class CompanyPage(Answer):
    data = fields.List(fields.Nested(CompanyView))
    next_cursor = fields.String(allow_none=True)


class MemberPage(Answer):
    data = fields.List(fields.Nested(MemberView))
    next_cursor = fields.String(allow_none=True)


class ClientPage(Answer):
    data = fields.List(fields.Nested(ClientView))
    next_cursor = fields.String(allow_none=True)


class InvitationPage(Answer):
    data = fields.List(fields.Nested(InvitationView))
    next_cursor = fields.String(allow_none=True)


class OwnInvitationPage(Answer):
    data = fields.List(fields.Nested(OwnInvitationView))
    next_cursor = fields.String(allow_none=True)


class AuditPage(Answer):
    data = fields.List(fields.Nested(AuditView))
    next_cursor = fields.String(allow_none=True)


class PageQuery(Camel):
    limit = Count(load_default=50, validate=validate.Range(1, 200))
    cursor = Text(validate=Length(1, MAX_CURSOR))


class MemberQuery(PageQuery):
    cursor = Text(validate=Length(1, MAX_MEMBER_CURSOR))


class AuditQuery(PageQuery):
    actor = UserId(validate=Length(1, MAX_USER_ID_LENGTH))
    action = Text(validate=validate.OneOf([action.value for action in Action]))
    start = Instant(data_key="from")
    end = Instant(data_key="to")


class AuditExportQuery(AuditQuery):
    limit = Count(load_default=MAX_CSV_ROWS, validate=validate.Range(1, MAX_CSV_ROWS))
