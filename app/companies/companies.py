"""Companies and the clients they publish for.

Invariant: only members learn that a company exists. Neither a company nor a client is removed while posts or accounts
depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app import quotas
from app.audit import record
from app.companies.permissions import client_for, require_member
from app.deps import Deps
from app.domain.audit import Action, AuditEntry, AuditFilter
from app.domain.companies import Client, Company, Right
from app.domain.errors import Conflict, NotFound
from app.log import emit
from app.store.companies import clients, companies
from app.store.engine import Connection
from app.store.operations import audit
from app.store.paging import After
from app.store.schema.tables import new_id


def create_company(deps: Deps, user_id: str, name: str) -> Company:
    """Create a company. Its creator becomes its first owner.

    Raises: Invalid above the quota.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        quotas.lock_owner(tx, user_id)
        company = companies.create(tx, new_id(), name, user_id, now)
        quotas.require_company_quota(deps.settings, tx, user_id)
        _record(tx, user_id, Action.COMPANY_CREATED, company.id, now, fields=["name"])
    emit("company.created", company_id=company.id, by=user_id)
    return company


def list_companies(deps: Deps, user_id: str, limit: int, after: After | None) -> list[Company]:
    with deps.db.reading() as connection:
        return companies.page(connection, user_id, limit, after)


def read_company(deps: Deps, user_id: str, company_id: str) -> Company:
    """Return the company.

    Raises: NotFound.
    """
    with deps.db.reading() as connection:
        return _company(connection, user_id, company_id)


def rename_company(deps: Deps, user_id: str, company_id: str, name: str) -> Company:
    """Rename the company.

    Raises: NotFound, Forbidden.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.GOVERN, alone=True)
        companies.rename(tx, company_id, name, now)
        _record(tx, user_id, Action.COMPANY_RENAMED, company_id, now, fields=["name"])
        return _company(tx, user_id, company_id)


def remove_company(deps: Deps, user_id: str, company_id: str) -> None:
    """Remove the company with its members and clients. Its finished posts stay stored, visible to no user.

    Raises: NotFound, Forbidden, Conflict (`company_in_use`).
    """
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.GOVERN, alone=True)
        _require_unused(tx, "company", company_id)
        companies.remove(tx, company_id)
        _record(tx, user_id, Action.COMPANY_REMOVED, company_id, deps.clock.now())
    emit("company.removed", company_id=company_id, by=user_id)


def create_client(deps: Deps, user_id: str, company_id: str, name: str) -> Client:
    """Create a client of the company.

    Raises: NotFound, Forbidden, Conflict (`client_exists`), Invalid above the quota.
    """
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.WRITE, alone=True)
        _require_new_name(tx, company_id, name, None)
        client_id, now = new_id(), deps.clock.now()
        client = clients.create(tx, client_id, company_id, name, now)
        quotas.require_client_quota(deps.settings, tx, company_id)
        _record(tx, user_id, Action.CLIENT_CREATED, company_id, now, client=client_id, fields=["name"])
        return client


def list_clients(deps: Deps, user_id: str, company_id: str, limit: int, after: After | None) -> list[Client]:
    """Return a page of the company's clients, oldest first.

    Raises: NotFound.
    """
    with deps.db.reading() as connection:
        require_member(connection, user_id, company_id, Right.READ)
        return clients.page(connection, company_id, limit, after)


def read_client(deps: Deps, user_id: str, company_id: str, client_id: str) -> Client:
    """Return the client.

    Raises: NotFound.
    """
    with deps.db.reading() as connection:
        require_member(connection, user_id, company_id, Right.READ)
        return client_for(connection, company_id, client_id)


def rename_client(deps: Deps, user_id: str, company_id: str, client_id: str, name: str) -> Client:
    """Rename the client.

    Raises: NotFound, Forbidden, Conflict (`client_exists`).
    """
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.WRITE, alone=True)
        client_for(tx, company_id, client_id)
        _require_new_name(tx, company_id, name, client_id)
        now = deps.clock.now()
        _record(tx, user_id, Action.CLIENT_RENAMED, company_id, now, client=client_id, fields=["name"])
        return clients.rename(tx, client_id, name, now)


def remove_client(deps: Deps, user_id: str, company_id: str, client_id: str) -> None:
    """Remove the client.

    Raises: NotFound, Forbidden, Conflict (`client_in_use`).
    """
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.WRITE, alone=True)
        client_for(tx, company_id, client_id)
        _require_unused(tx, "client", company_id, client_id)
        clients.remove(tx, client_id)
        _record(tx, user_id, Action.CLIENT_REMOVED, company_id, deps.clock.now(), client=client_id)


def list_audit(
    deps: Deps, user_id: str, company_id: str, wanted: AuditFilter, limit: int, after: After | None
) -> list[AuditEntry]:
    """Return a page of the company's audit trail, for owners, newest first.

    Raises: NotFound, Forbidden.
    """
    with deps.db.reading() as connection:
        require_member(connection, user_id, company_id, Right.GOVERN)
        return audit.of_company(connection, company_id, wanted, limit, after)


def _record(
    tx: Connection,
    actor: str,
    action: Action,
    company_id: str,
    now: datetime,
    *,
    client: str | None = None,
    fields: Sequence[str] = (),
) -> None:
    target = f"client:{client}" if client else f"company:{company_id}"
    record(tx, actor, action, target, now, company_id=company_id, fields=fields)


def _company(connection: Connection, user_id: str, company_id: str) -> Company:
    company = companies.by_id(connection, company_id, user_id)
    if company is None:
        raise NotFound("company_not_found", "There is no such company.")
    return company


def _require_unused(tx: Connection, what: str, *of: Any) -> None:
    posts, accounts = companies.count_dependents(tx, *of)
    if posts or accounts:
        left = f"{posts} posts that are neither published nor cancelled, and {accounts} social accounts"
        raise Conflict(f"{what}_in_use", f"The {what} still has {left}. Cancel and remove these first.")


def _require_new_name(tx: Connection, company_id: str, name: str, client_id: str | None) -> None:
    known = clients.by_name(tx, company_id, name)
    if known is not None and known.id != client_id:
        raise Conflict("client_exists", "The company has a client of this name already.")
