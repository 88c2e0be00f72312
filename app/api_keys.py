"""Personal API keys: create, list, revoke, verify.

Invariant: a key is shown in the answer that creates it, and is nowhere stored or logged. A revoked key is refused by
the next request, in every process.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from app import quotas
from app.audit import record
from app.deps import Deps
from app.domain.api_keys import MARK, SHOWN, USE_PRECISION, ApiKey, Scope, end_of, hash_of
from app.domain.audit import Action
from app.domain.errors import NotFound, Unavailable, invalid_field
from app.domain.principal import Principal
from app.domain.verifiers import BadToken
from app.log import emit
from app.store.engine import Connection
from app.store.operations import api_keys as stored
from app.store.paging import After
from app.store.schema.tables import new_id

KEY_BYTES = 32
OPERATOR = "operator"  # the actor of the command


@dataclass(frozen=True, slots=True, repr=False)
class NewKey:
    """A new key with its secret, which is shown this once."""

    key: ApiKey
    secret: str


def create_key(deps: Deps, user_id: str, name: str, scopes: list[Scope], expires_at: datetime | None) -> NewKey:
    """Create a key for the user. Without `expires_at` it lasts until it is revoked.

    Raises: Invalid for an end in the past, and above the quota.
    """
    now, secret = deps.clock.now(), MARK + secrets.token_urlsafe(KEY_BYTES)
    if expires_at is not None and expires_at <= now:
        raise invalid_field("expiresAt", "expires_in_past", "Choose an end in the future.")
    given = [scope.value for scope in Scope if scope in scopes]
    key = ApiKey(new_id(), user_id, name, secret[:SHOWN], given, now, expires_at, None)
    with deps.db.transaction() as tx:
        quotas.lock_owner(tx, user_id)
        stored.create(tx, key, str(hash_of(secret)))
        quotas.require_api_key_quota(deps.settings, tx, user_id)
        _record(tx, user_id, Action.KEY_CREATED, key.id, now, ["name", "scopes"] + ["expires_at"] * bool(expires_at))
    emit("api_key.created", key_id=key.id, prefix=key.prefix, scopes=given, by=user_id)
    return NewKey(key, secret)


def list_keys(deps: Deps, user_id: str, limit: int, after: After | None) -> list[ApiKey]:
    """Return a page of the user's keys, oldest first, without the revoked ones."""
    with deps.db.reading() as connection:
        return stored.page(connection, user_id, limit, after)


def revoke_key(deps: Deps, user_id: str, key_id: str) -> None:
    """Revoke a key of the user for good.

    Raises: NotFound.
    """
    if not _revoke(deps, user_id, user_id, key_id):
        raise NotFound("key_not_found", "You have no key with this id.")


def revoke_all(deps: Deps, user_id: str) -> int:
    """Revoke all keys of a user, as an operator, for a user who has left. Returns their number."""
    return len(_revoke(deps, user_id, OPERATOR, None))


def verify_key(deps: Deps, token: str) -> Principal:
    """Return the user of a valid key, with the key's scopes, and note its use.

    Raises: BadToken for an unknown, expired or revoked key, Unavailable.
    """
    now, token_hash = deps.clock.now(), hash_of(token)
    if token_hash is None:
        raise BadToken("the personal key is malformed")
    with deps.db.reading() as connection:
        key = stored.by_hash(connection, token_hash)
    if key is None:
        raise BadToken("the personal key is unknown")
    if (end := end_of(key, now)) is not None:
        raise BadToken(f"the personal key {key.prefix} is {end}", is_forged=False)
    _note_use(deps, key, now)
    return Principal(key.user_id, key_id=key.id, scopes=frozenset(key.scopes))


def _note_use(deps: Deps, key: ApiKey, now: datetime) -> None:
    """Write the use once a minute. A database that takes no writes must not refuse reads, so it goes without."""
    last = key.last_used_at
    if last is not None and last <= now < last + USE_PRECISION:
        return
    try:
        with deps.db.autocommit() as connection:
            stored.note_use(connection, key.id, now)
    except Unavailable:
        emit("api_key.use_not_kept", key_id=key.id)


def _revoke(deps: Deps, user_id: str, actor: str, key_id: str | None) -> list[str]:
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        revoked = stored.revoke(tx, user_id, now, key_id)
        for one in revoked:
            _record(tx, actor, Action.KEY_REVOKED, one, now)
    for one in revoked:
        emit("api_key.revoked", key_id=one, user_id=user_id, by=actor)
    return revoked


def _record(
    tx: Connection, actor: str, action: Action, key_id: str, now: datetime, fields: list[str] | None = None
) -> None:
    record(tx, actor, action, f"key:{key_id}", now, company_id=None, fields=fields or [])
