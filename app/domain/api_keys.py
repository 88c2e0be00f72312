"""Personal API keys: their form, their scopes, and the scope that each user route needs.

Invariant: a key never has more rights than its user has now. A route without an entry in SCOPES takes no key.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.errors import FieldError, Forbidden
from app.domain.principal import Principal

MARK = "pk_"  # the begin of every key. A JWT begins with a letter of base64 for `{`
SHOWN = 11  # characters that tell keys apart: the mark and 8 of 43 random ones
MAX_KEY_NAME = 100
USE_PRECISION = timedelta(minutes=1)  # of the instant of the last use
KEPT_AFTER_END = timedelta(days=30)  # until then an old script learns that its key has ended
_FORM = re.compile(r"pk_[A-Za-z0-9_-]{43}", re.ASCII)


class Scope(StrEnum):
    """A kind of calls that a key may make. No scope includes another one."""

    READ = "read"
    WRITE = "write"
    PUBLISH = "publish"


READ, WRITE, PUBLISH = Scope.READ, Scope.WRITE, Scope.PUBLISH

#: The scope of each user route. `publish` makes or stops a publication. None: a user's JWT alone, for admin routes and
#: for the routes that give access to others or to other keys, which would outlast the key.
SCOPES: dict[str, Scope | None] = {
    "GET /api/posts": READ,
    "GET /api/posts/counts": READ,
    "POST /api/posts": WRITE,  # a scheduled post needs publish too
    "GET /api/posts/<post_id>": READ,
    "PATCH /api/posts/<post_id>": WRITE,  # a scheduled post needs publish too
    "DELETE /api/posts/<post_id>": PUBLISH,
    "GET /api/posts/<post_id>/timeline": READ,
    "POST /api/posts/<post_id>/schedule": PUBLISH,
    "POST /api/posts/<post_id>/publish": PUBLISH,
    "POST /api/posts/<post_id>/duplicate": WRITE,
    "POST /api/posts/<post_id>/attach": PUBLISH,
    "POST /api/posts/<post_id>/unschedule": PUBLISH,
    "POST /api/posts/recover": PUBLISH,
    "POST /api/posts/bulk": PUBLISH,  # rows that create need write too
    "GET /api/posts/export.csv": READ,
    "GET /api/jobs/<job_id>": READ,
    "GET /api/feeds": READ,
    "POST /api/feeds": None,
    "DELETE /api/feeds/<feed_id>": WRITE,
    "GET /api/social-accounts": READ,
    "POST /api/social-accounts": WRITE,
    "GET /api/social-accounts/shared": READ,
    "PATCH /api/social-accounts/<account_id>": WRITE,
    "DELETE /api/social-accounts/<account_id>": WRITE,
    "GET /api/social-accounts/linkedin/connect": WRITE,
    "GET /api/social-accounts/<account_id>/slots": READ,
    "PUT /api/social-accounts/<account_id>/slots": WRITE,
    "GET /api/social-accounts/<account_id>/slots/next": READ,
    "GET /api/platforms": READ,
    "POST /api/media/check": WRITE,
    "GET /api/companies": READ,
    "POST /api/companies": WRITE,
    "GET /api/companies/<company_id>": READ,
    "PATCH /api/companies/<company_id>": WRITE,
    "DELETE /api/companies/<company_id>": WRITE,
    "GET /api/companies/<company_id>/clients": READ,
    "POST /api/companies/<company_id>/clients": WRITE,
    "GET /api/companies/<company_id>/clients/<client_id>": READ,
    "PATCH /api/companies/<company_id>/clients/<client_id>": WRITE,
    "DELETE /api/companies/<company_id>/clients/<client_id>": WRITE,
    "GET /api/companies/<company_id>/warnings": READ,
    "GET /api/companies/<company_id>/audit": READ,
    "GET /api/companies/<company_id>/audit.csv": READ,
    "GET /api/audit": READ,
    "GET /api/companies/<company_id>/members": READ,
    "PUT /api/companies/<company_id>/members/<user_id:member_id>": None,
    "DELETE /api/companies/<company_id>/members/<user_id:member_id>": None,
    "GET /api/companies/<company_id>/invitations": READ,
    "POST /api/companies/<company_id>/invitations": None,
    "DELETE /api/companies/<company_id>/invitations/<invitation_id>": None,
    "GET /api/invitations": READ,
    "POST /api/invitations/<token>/accept": None,
    "GET /api/keys": None,
    "POST /api/keys": None,
    "DELETE /api/keys/<key_id>": None,
    "GET /api/webhook-endpoints": READ,
    "POST /api/webhook-endpoints": None,
    "PATCH /api/webhook-endpoints/<endpoint_id>": None,
    "DELETE /api/webhook-endpoints/<endpoint_id>": WRITE,
    "POST /api/webhook-endpoints/<endpoint_id>/test": WRITE,
    "POST /api/webhook-endpoints/<endpoint_id>/rotate-secret": None,
    "GET /api/webhook-endpoints/<endpoint_id>/deliveries": READ,
    "POST /api/webhook-endpoints/<endpoint_id>/deliveries/<event_id>/redeliver": WRITE,
    "POST /api/scheduler/run": None,
    "GET /api/operations/lateness": None,
    "GET /api/operations/attempts": None,
    "GET /api/operations/sweeps": None,
    "GET /api/operations/services": None,
    "POST /console/session": None,
}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One row of `api_keys`. `prefix` is the shown begin of the key. Without `expires_at` it lasts until revoked."""

    id: str
    user_id: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None = None


def is_api_key(token: str | None) -> bool:
    """Return True for a bearer token that is to be read as a personal key, well-formed or not."""
    return token is not None and token.startswith(MARK)


def hash_of(key: str) -> str | None:
    """Return the stored hash of a key, None for a malformed one. A plain hash is enough for 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest() if _FORM.fullmatch(key) else None


def end_of(key: ApiKey, now: datetime) -> str | None:
    """Return how the key has ended, None while it is valid."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else None


def has_scope(principal: Principal, scope: Scope) -> bool:
    """Return True for a JWT, and for a key with this scope."""
    return principal.scopes is None or scope in principal.scopes


def require_route(principal: Principal, method: str, rule: str) -> None:
    """Check that a caller with a key may call this route. A JWT may call every one.

    Raises: Forbidden (`jwt_required` or `scope_required`).
    """
    if principal.scopes is None:
        return
    wanted = SCOPES.get(f"{'GET' if method == 'HEAD' else method} {rule}")
    if wanted is None:
        raise Forbidden("jwt_required", "A personal key cannot do this. Sign in, and send the user's JWT.")
    require_scope(principal, wanted)


def require_scope(principal: Principal, scope: Scope) -> None:
    """Check that the caller's key, if any, has this scope.

    Raises: Forbidden (`scope_required`).
    """
    if not has_scope(principal, scope):
        raise scope_required(scope)


def scope_required(scope: Scope) -> Forbidden:
    """Return the refusal of a key without this scope."""
    message = f"This personal key lacks the scope {scope}. Use a key that has it."
    return Forbidden("scope_required", message, [FieldError("scopes", "scope_required", message)])
