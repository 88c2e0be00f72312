"""Routes for personal API keys. They need the user's JWT: a key never creates or ends a key.

Invariant: a key is shown in the answer that creates it, so the route takes no Idempotency-Key, which would store it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask.views import MethodView
from marshmallow import fields, validate

from app import api_keys
from app.domain.api_keys import MAX_KEY_NAME, Scope
from app.domain.errors import invalid_field
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.company_schemas import PageQuery
from app.web.fields import Answer, Camel, Instant, Items, Length, Name, Text, WireInstant
from app.web.ids import uuid_or_404
from app.web.paging import page

SCOPES = [scope.value for scope in Scope]

blueprint = UserBlueprint("api_keys", __name__, url_prefix="/api/keys", description="Personal API keys")


class KeyBody(Camel):
    name = Name(required=True, validate=Length(1, MAX_KEY_NAME))
    scopes = Items(Text(validate=validate.OneOf(SCOPES)), most=len(SCOPES), required=True)
    expires_at = Instant(load_default=None, allow_none=True)


class KeyView(Answer):
    id = fields.String()
    name = fields.String()
    prefix = fields.String()
    scopes = fields.List(fields.String(validate=validate.OneOf(SCOPES)))
    created_at = WireInstant()
    expires_at = WireInstant(allow_none=True)
    last_used_at = WireInstant(allow_none=True)


class NewKeyView(KeyView):
    key = fields.String()


class KeyPage(Answer):
    data = fields.List(fields.Nested(KeyView))
    next_cursor = fields.String(allow_none=True)


@blueprint.route("")
class ApiKeys(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listApiKeys")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, KeyPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List your personal keys, oldest first, expired ones too. lastUsedAt is exact to a minute."""
        return page(
            query,
            lambda limit, after: api_keys.list_keys(deps(), user_id(), limit, after),
            lambda key: (key.created_at, key.id),
        )

    @blueprint.operation("createApiKey", "422 too_short expires_in_past quota_exceeded")
    @blueprint.arguments(KeyBody)
    @blueprint.response(201, NewKeyView)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a personal key. It is shown this once.

        Scopes: read for all GETs, write for drafts and accounts, publish for all that makes or stops a publication.
        Without expiresAt the key lasts until it is revoked.
        """
        scopes = body["scopes"]
        if not scopes:
            raise invalid_field("scopes", "too_short", f"Name at least one of {', '.join(SCOPES)}.", 1, 0)
        made = api_keys.create_key(deps(), user_id(), body["name"], [Scope(one) for one in scopes], body["expires_at"])
        return asdict(made.key) | {"key": made.secret}


@blueprint.route("/<key_id>")
class OneApiKey(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("revokeApiKey", "404 not_found key_not_found")
    @blueprint.response(204)
    def delete(self, key_id: str) -> None:
        """Revoke a personal key for good."""
        api_keys.revoke_key(deps(), user_id(), uuid_or_404(key_id))
