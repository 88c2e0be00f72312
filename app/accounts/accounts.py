"""Social accounts: connect, change, remove, withdraw.

Invariant: tokens are encrypted before they reach the store. A person may withdraw their own profile at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app import quotas
from app.accounts.expiry import ACCOUNT_ALERTS
from app.alarms import arm
from app.audit import record
from app.companies import holds
from app.companies.permissions import account_for, resolve_owner
from app.delivery.postpone import release_held
from app.deps import Deps
from app.domain.audit import Action
from app.domain.companies import Right, is_page
from app.domain.errors import Conflict, NotConfigured, NotFound
from app.domain.post import Account
from app.domain.sealing import access_token_of, refresh_token_of
from app.log import emit
from app.store.accounts import accounts
from app.store.companies import access
from app.store.engine import Connection
from app.store.operations import alerts
from app.store.paging import After
from app.store.schema.tables import new_id

TOKEN_FIELDS = {"access_token": access_token_of, "refresh_token": refresh_token_of}
WITHDRAWN = "account_withdrawn"


def connect_account(
    deps: Deps, user_id: str, values: dict[str, Any], *, own_profile: bool | None = None, consented: bool = False
) -> Account:
    """Connect an account, or reconnect a known one: it takes the new tokens, and its held posts are released.

    `own_profile` says if an account shared with a company is the caller's own profile. By default it is, unless it is
    a client's or a page. `consented`: the platform has identified the caller as the person of the profile.

    Raises: Invalid and Forbidden as `resolve_owner` does, Invalid above the quota, Conflict
    (`account_of_another_client`), NotConfigured without encryption keys, Unavailable.
    """
    account_id, now = new_id(), deps.clock.now()
    sealed = _seal(deps, values, account_id)
    with deps.db.transaction() as tx:
        owner = resolve_owner(tx, user_id, values)
        is_own = consented or (_is_own_profile(values, owner) if own_profile is None else own_profile)
        person = {"profile_of": user_id if is_own and owner["company_id"] is not None else None}
        row = {"account_name": values["external_id"]} | sealed | owner | {"id": account_id, "user_id": user_id} | person
        quotas.lock_owner(tx, user_id)
        created = accounts.create(tx, row, now)
        if created is not None:
            quotas.require_account_quota(deps.settings, tx, user_id)
        identity = (user_id, values["platform"], values["external_id"], owner["company_id"])
        known = created or accounts.by_identity(tx, *identity)
        if created is not None:
            _record(tx, user_id, Action.ACCOUNT_CONNECTED, created, now, values)
    if created is not None:
        return created
    if known is None:
        raise Conflict("changed_meanwhile", "The account was removed while it was connected. Connect it again.")
    if owner["client_id"] not in (None, known.client_id):
        message = "The company has this account already, and not for this client. Remove it there first."
        raise Conflict("account_of_another_client", message)
    changes = {name: values[name] for name in values if name not in owner} | (person if consented else {})
    return change_account(deps, user_id, known.id, changes)


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
        if values:
            action = Action.ACCOUNT_RECONNECTED if reconnected else Action.ACCOUNT_CHANGED
            _record(tx, user_id, action, account, now, values)
        released = release_held(tx, account_id, now) if reconnected else []
    for post in released:
        arm(deps, post, ordered_by=user_id)
    return account


def remove_account(deps: Deps, user_id: str, account_id: str) -> None:
    """Remove an account and its alerts. A person withdraws their own profile from a company in every case.

    Raises: NotFound, Forbidden, Unavailable, Conflict while posts are scheduled through it.
    """
    with deps.db.reading() as connection:
        found = accounts.by_id(connection, account_id)
    company_id = found.company_id if found is not None else None
    if found is not None and company_id is not None and found.profile_of == user_id:
        return _withdraw(deps, user_id, found, company_id)
    with deps.db.transaction() as tx:
        if company_id is not None:  # no post is scheduled through the account meanwhile
            access.lock_company(tx, company_id, exclusive=True)
        account = account_for(tx, user_id, account_id, Right.WRITE)
        busy = accounts.in_use(tx, account_id)
        if busy:
            raise Conflict("account_in_use", f"{busy} posts are scheduled through this account. Unschedule them first.")
        if accounts.remove(tx, account_id, user_id):
            _record(tx, user_id, Action.ACCOUNT_REMOVED, account, deps.clock.now())
        alerts.clear_kinds(tx, ACCOUNT_ALERTS, account_id)


def list_shared(deps: Deps, user_id: str, limit: int, after: After | None) -> list[Account]:
    """Return a page of the caller's own profiles in companies, also in those that they have left."""
    with deps.db.reading() as connection:
        return accounts.shared_page(connection, user_id, limit, after)


def _withdraw(deps: Deps, user_id: str, account: Account, company_id: str) -> None:
    """Remove the caller's own profile from its company, and hold the posts scheduled through it.

    No role is needed, so former members may too.

    Raises: NotFound if the profile is gone already.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        access.lock_company(tx, company_id, exclusive=True)  # no post is scheduled through it meanwhile
        if not accounts.withdraw(tx, account.id, user_id):
            raise NotFound("account_not_found", "There is no such account.")
        held = holds.hold_posts(tx, account.id, WITHDRAWN, user_id, now)
        alerts.clear_kinds(tx, ACCOUNT_ALERTS, account.id)
        _record(tx, user_id, Action.ACCOUNT_WITHDRAWN, account, now)
    holds.after_hold(deps, held, company_id)


def _is_own_profile(values: dict[str, Any], owner: dict[str, str | None]) -> bool:
    return owner["client_id"] is None and not is_page(values["platform"], values["external_id"])


def _record(
    tx: Connection, actor: str, action: Action, account: Account, now: datetime, values: Iterable[str] = ()
) -> None:
    """Record a change of an account in the trail of its company, or of its person."""
    record(tx, actor, action, f"account:{account.id}", now, company_id=account.company_id, fields=list(values))


def _seal(deps: Deps, values: dict[str, Any], account_id: str) -> dict[str, Any]:
    """Return the values with the tokens encrypted for this account. A refresh token counts as pasted by default.

    Raises: NotConfigured without encryption keys.
    """
    sealed = dict(values)
    if "refresh_token" in values:
        sealed.setdefault("refresh_granted", False)
    for name, field_of in TOKEN_FIELDS.items():
        if sealed.get(name) is not None:
            if deps.vault is None:
                emit("not_configured", setting="TOKEN_ENCRYPTION_KEYS")
                raise NotConfigured("not_configured", "This installation cannot keep account tokens yet.")
            sealed[name] = deps.vault.encrypt(sealed[name], field_of(account_id))
    return sealed
