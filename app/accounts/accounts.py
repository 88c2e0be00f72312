"""Social accounts: connect, change, remove.

Invariant: tokens are encrypted before they reach the store.
"""

from __future__ import annotations

from typing import Any

from app import quotas
from app.accounts.expiry import ACCOUNT_ALERTS
from app.alarms import arm
from app.companies.permissions import account_for, resolve_owner
from app.delivery.postpone import release_held
from app.deps import Deps
from app.domain.companies import Right
from app.domain.errors import Conflict, NotConfigured, NotFound
from app.domain.post import Account
from app.domain.sealing import access_token_of, refresh_token_of
from app.log import emit
from app.store.accounts import accounts
from app.store.operations import alerts
from app.store.schema.tables import new_id

TOKEN_FIELDS = {"access_token": access_token_of, "refresh_token": refresh_token_of}


def connect_account(deps: Deps, user_id: str, values: dict[str, Any]) -> Account:
    """Connect an account, or reconnect a known one: it takes the new tokens, and its held posts are released.

    Raises: Invalid and Forbidden as `resolve_owner` does, Invalid above the quota, Conflict
    (`account_of_another_client`), NotConfigured without encryption keys, Unavailable.
    """
    account_id = new_id()
    sealed = _seal(deps, values, account_id)
    with deps.db.transaction() as tx:
        owner = resolve_owner(tx, user_id, values)
        row = {"account_name": values["external_id"]} | sealed | owner | {"id": account_id, "user_id": user_id}
        quotas.lock_owner(tx, user_id)
        created = accounts.create(tx, row, deps.clock.now())
        if created is not None:
            quotas.require_account_quota(deps.settings, tx, user_id)
        identity = (user_id, values["platform"], values["external_id"], owner["company_id"])
        known = created or accounts.by_identity(tx, *identity)
    if created is not None:
        return created
    if known is None:
        raise Conflict("changed_meanwhile", "The account was removed while it was connected. Connect it again.")
    if owner["client_id"] not in (None, known.client_id):
        message = "The company has this account already, and not for this client. Remove it there first."
        raise Conflict("account_of_another_client", message)
    return change_account(deps, user_id, known.id, {name: values[name] for name in values if name not in owner})


def change_account(deps: Deps, user_id: str, account_id: str, values: dict[str, Any]) -> Account:
    """Change an account. A new access token reconnects it and releases its held posts.

    Raises: NotFound, Forbidden, NotConfigured, Unavailable.
    """
    sealed, now = _seal(deps, values, account_id), deps.clock.now()
    reconnected = "access_token" in values
    if reconnected:
        unknown = {"expires_at": None, "refresh_expires_at": None}  # the former token's ends do not hold for this one
        sealed = unknown | sealed | {"status": accounts.ACTIVE, "connected_at": now} | accounts.UNTRIED
    with deps.db.transaction() as tx:
        account_for(tx, user_id, account_id, Right.WRITE)
        account = accounts.change(tx, account_id, user_id, sealed, now)
        if account is None:
            raise NotFound("account_not_found", "There is no such account.")
        if reconnected:
            alerts.clear_kinds(tx, ACCOUNT_ALERTS, account_id)
        released = release_held(tx, account_id, now) if reconnected else []
    for post in released:
        arm(deps, post)
    return account


def remove_account(deps: Deps, user_id: str, account_id: str) -> None:
    """Remove an account and its alerts.

    Raises: NotFound, Forbidden, Unavailable, Conflict while posts are scheduled through it.
    """
    with deps.db.transaction() as tx:
        account_for(tx, user_id, account_id, Right.WRITE)
        busy = accounts.in_use(tx, account_id)
        if busy:
            raise Conflict("account_in_use", f"{busy} posts are scheduled through this account. Unschedule them first.")
        accounts.remove(tx, account_id, user_id)
        alerts.clear_kinds(tx, ACCOUNT_ALERTS, account_id)


def _seal(deps: Deps, values: dict[str, Any], account_id: str) -> dict[str, Any]:
    """Return the values with the tokens encrypted for this account.

    Raises: NotConfigured without encryption keys.
    """
    sealed = dict(values)
    for name, field_of in TOKEN_FIELDS.items():
        if sealed.get(name) is not None:
            if deps.vault is None:
                emit("not_configured", setting="TOKEN_ENCRYPTION_KEYS")
                raise NotConfigured("not_configured", "This installation cannot keep account tokens yet.")
            sealed[name] = deps.vault.encrypt(sealed[name], field_of(account_id))
    return sealed
