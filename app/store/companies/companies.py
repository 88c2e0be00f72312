"""Rows of companies and their members. Each company is read as one of its members sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, select, update

from app.domain.companies import Company, Member, Role
from app.domain.lifecycle import FINAL
from app.store.engine import insert_into
from app.store.paging import After, oldest_first
from app.store.schema.tables import companies, memberships, posts, social_accounts

_COLUMNS = (
    companies.c.id,
    companies.c.name,
    memberships.c.role,
    memberships.c.created_at.label("joined_at"),
    companies.c.created_at,
    companies.c.updated_at,
)


def create(tx: Connection, company_id: str, name: str, owner: str, now: datetime) -> Company:
    """Create a company with its first owner."""
    tx.execute(insert(companies).values(id=company_id, name=name, created_at=now, updated_at=now))
    put_member(tx, company_id, owner, Role.OWNER, now)
    return Company(company_id, name, Role.OWNER, joined_at=now, created_at=now, updated_at=now)


def by_id(connection: Connection, company_id: str, user_id: str) -> Company | None:
    """Return the company, or None if this user is not a member."""
    row = connection.execute(_companies_of(user_id).where(companies.c.id == company_id)).one_or_none()
    return _to_company(row) if row else None


def page(connection: Connection, user_id: str, limit: int, after: After | None) -> list[Company]:
    """Return a page of this user's companies, in the order of joining."""
    joined, key = memberships.c.created_at, memberships.c.company_id
    statement = oldest_first(_companies_of(user_id), joined, key, limit, after)
    return [_to_company(row) for row in connection.execute(statement)]


def rename(tx: Connection, company_id: str, name: str, now: datetime) -> None:
    tx.execute(update(companies).where(companies.c.id == company_id).values(name=name, updated_at=now))


def remove(tx: Connection, company_id: str) -> None:
    """Delete a company with its members and clients."""
    tx.execute(delete(companies).where(companies.c.id == company_id))


def count_dependents(connection: Connection, company_id: str, client_id: str | None = None) -> tuple[int, int]:
    """Count the unfinished posts and the accounts of a company, or of one client.

    Returns (posts, accounts).
    """
    counts = []
    for table, more in ((posts, [posts.c.status.not_in(FINAL)]), (social_accounts, [])):
        where = [table.c.company_id == company_id, *more]
        where += [table.c.client_id == client_id] if client_id is not None else []
        counts.append(connection.execute(select(sa.func.count()).select_from(table).where(*where)).scalar_one())
    return counts[0], counts[1]


def members(connection: Connection, company_id: str, limit: int, after: After | None) -> list[Member]:
    m = memberships.c
    statement = oldest_first(
        select(memberships).where(m.company_id == company_id), m.created_at, m.user_id, limit, after
    )
    return [_to_member(row) for row in connection.execute(statement)]


def member(connection: Connection, company_id: str, user_id: str) -> Member | None:
    m = memberships.c
    row = connection.execute(select(memberships).where(m.company_id == company_id, m.user_id == user_id)).one_or_none()
    return _to_member(row) if row else None


def put_member(tx: Connection, company_id: str, user_id: str, role: Role, now: datetime) -> Member:
    """Add a member, or change the role of an existing one."""
    row = {"company_id": company_id, "user_id": user_id, "role": role, "created_at": now}
    key = [memberships.c.company_id, memberships.c.user_id]
    statement = insert_into(tx, memberships).values(row)
    statement = statement.on_conflict_do_update(index_elements=key, set_={"role": role}).returning(memberships)
    return _to_member(tx.execute(statement).one())


def remove_member(tx: Connection, company_id: str, user_id: str) -> None:
    tx.execute(delete(memberships).where(memberships.c.company_id == company_id, memberships.c.user_id == user_id))


def count_owners(connection: Connection, company_id: str) -> int:
    where = (memberships.c.company_id == company_id, memberships.c.role == Role.OWNER)
    return connection.execute(select(sa.func.count()).select_from(memberships).where(*where)).scalar_one()


def _companies_of(user_id: str) -> sa.Select[Any]:
    return select(*_COLUMNS).join_from(memberships, companies).where(memberships.c.user_id == user_id)


def _to_company(row: sa.Row[Any]) -> Company:
    return Company(**{**row._mapping, "role": Role(row.role)})


def _to_member(row: sa.Row[Any]) -> Member:
    return Member(**{**row._mapping, "role": Role(row.role)})
