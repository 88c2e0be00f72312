"""Companies: their members, their roles, and the clients they publish for.

Invariant: only members learn that a company exists. A company always has an owner. Neither a company nor a client is
removed while posts or accounts depend on it.
"""

from __future__ import annotations

from typing import Any

from app import quotas
from app.companies.permissions import client_for, require_member
from app.deps import Deps
from app.domain.companies import Client, Company, Member, Right, Role, leaves_no_owner
from app.domain.errors import Conflict, NotFound
from app.log import emit
from app.store.companies import access, clients, companies
from app.store.engine import Connection
from app.store.paging import After
from app.store.schema.tables import new_id


def create_company(deps: Deps, user_id: str, name: str) -> Company:
    """Create a company. Its creator becomes its first owner.

    Raises: Invalid above the quota.
    """
    with deps.db.transaction() as tx:
        quotas.lock_owner(tx, user_id)
        company = companies.create(tx, new_id(), name, user_id, deps.clock.now())
        quotas.require_company_quota(deps.settings, tx, user_id)
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
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.GOVERN, alone=True)
        companies.rename(tx, company_id, name, deps.clock.now())
        return _company(tx, user_id, company_id)


def remove_company(deps: Deps, user_id: str, company_id: str) -> None:
    """Remove the company with its members and clients. Its finished posts stay stored, visible to no user.

    Raises: NotFound, Forbidden, Conflict (`company_in_use`).
    """
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.GOVERN, alone=True)
        _require_unused(tx, "company", company_id)
        companies.remove(tx, company_id)
    emit("company.removed", company_id=company_id, by=user_id)


def list_members(deps: Deps, user_id: str, company_id: str, limit: int, after: After | None) -> list[Member]:
    """Return a page of the company's members, oldest first.

    Raises: NotFound.
    """
    with deps.db.reading() as connection:
        require_member(connection, user_id, company_id, Right.READ)
        return companies.members(connection, company_id, limit, after)


def put_member(deps: Deps, user_id: str, company_id: str, member_id: str, role: Role) -> Member:
    """Add a member, or give one another role.

    Raises: NotFound, Forbidden, Conflict (`last_owner`), Invalid above the quota.
    """
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.GOVERN, alone=True)
        current = access.role_of(tx, company_id, member_id)
        _require_owner_left(tx, company_id, current, role)
        member = companies.put_member(tx, company_id, member_id, role, deps.clock.now())
        if current is None:
            quotas.require_member_quota(deps.settings, tx, company_id)
    emit("company.member", company_id=company_id, user_id=member_id, role=role, by=user_id)
    return member


def remove_member(deps: Deps, user_id: str, company_id: str, member_id: str) -> None:
    """Remove a member. An owner removes any member, and every member may leave.

    Raises: NotFound, Forbidden, Conflict (`last_owner`).
    """
    right = Right.READ if member_id == user_id else Right.GOVERN
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, right, alone=True)
        current = access.role_of(tx, company_id, member_id)
        if current is None:
            raise NotFound("member_not_found", "The company has no such member.")
        _require_owner_left(tx, company_id, current, None)
        companies.remove_member(tx, company_id, member_id)
    emit("company.member", company_id=company_id, user_id=member_id, role=None, by=user_id)


def create_client(deps: Deps, user_id: str, company_id: str, name: str) -> Client:
    """Create a client of the company.

    Raises: NotFound, Forbidden, Conflict (`client_exists`), Invalid above the quota.
    """
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.WRITE, alone=True)
        _require_new_name(tx, company_id, name, None)
        client = clients.create(tx, new_id(), company_id, name, deps.clock.now())
        quotas.require_client_quota(deps.settings, tx, company_id)
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
        return clients.rename(tx, client_id, name, deps.clock.now())


def remove_client(deps: Deps, user_id: str, company_id: str, client_id: str) -> None:
    """Remove the client.

    Raises: NotFound, Forbidden, Conflict (`client_in_use`).
    """
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.WRITE, alone=True)
        client_for(tx, company_id, client_id)
        _require_unused(tx, "client", company_id, client_id)
        clients.remove(tx, client_id)


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


def _require_owner_left(tx: Connection, company_id: str, current: Role | None, wanted: Role | None) -> None:
    if leaves_no_owner(current, wanted, companies.count_owners(tx, company_id)):
        raise Conflict("last_owner", "A company needs an owner. Make another member one first.")


def _require_new_name(tx: Connection, company_id: str, name: str, client_id: str | None) -> None:
    known = clients.by_name(tx, company_id, name)
    if known is not None and known.id != client_id:
        raise Conflict("client_exists", "The company has a client of this name already.")
