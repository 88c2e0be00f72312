"""Companies and their members: the rows, each company as the member sees it who asks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.companies import Company, Member, Role
from app.domain.lifecycle import FINAL
from app.store.paging import After, oldest_first
from app.store.schema.tables import companies, memberships, posts, social_accounts

_AS_SEEN = (
    companies.c.id,
    companies.c.name,
    memberships.c.role,
    memberships.c.created_at.label("joined_at"),
    companies.c.created_at,
    companies.c.updated_at,
)


def create(tx: Connection, company_id: str, name: str, owner: str, now: datetime) -> Company:
    """A new company with its first owner."""
    tx.execute(insert(companies).values(id=company_id, name=name, created_at=now, updated_at=now))
    put_member(tx, company_id, owner, Role.OWNER, now)
    return Company(company_id, name, Role.OWNER, joined_at=now, created_at=now, updated_at=now)


def by_id(connection: Connection, company_id: str, user_id: str) -> Company | None:
    """The company, if this user is a member."""
    row = connection.execute(_seen_by(user_id).where(companies.c.id == company_id)).one_or_none()
    return _to_company(row) if row else None


def page(connection: Connection, user_id: str, limit: int, after: After | None) -> list[Company]:
    """The companies of which this user is a member, in the order in which they joined."""
    joined, key = memberships.c.created_at, memberships.c.company_id
    statement = oldest_first(_seen_by(user_id), joined, key, limit, after)
    return [_to_company(row) for row in connection.execute(statement)]


def rename(tx: Connection, company_id: str, name: str, now: datetime) -> None:
    tx.execute(update(companies).where(companies.c.id == company_id).values(name=name, updated_at=now))


def remove(tx: Connection, company_id: str) -> None:
    """With its members and clients."""
    tx.execute(delete(companies).where(companies.c.id == company_id))


def left_in(connection: Connection, company_id: str, client_id: str | None = None) -> tuple[int, int]:
    """How many posts that are not final, and how many accounts, a company or one of its clients has."""
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


def put_member(tx: Connection, company_id: str, user_id: str, role: Role, now: datetime) -> Member:
    """A new member, or a new role of one."""
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    row = {"company_id": company_id, "user_id": user_id, "role": role, "created_at": now}
    key = [memberships.c.company_id, memberships.c.user_id]
    statement = dialect.insert(memberships).values(row).on_conflict_do_update(index_elements=key, set_={"role": role})
    return _to_member(tx.execute(statement.returning(memberships)).one())


def remove_member(tx: Connection, company_id: str, user_id: str) -> None:
    tx.execute(delete(memberships).where(memberships.c.company_id == company_id, memberships.c.user_id == user_id))


def count_owners(connection: Connection, company_id: str) -> int:
    where = (memberships.c.company_id == company_id, memberships.c.role == Role.OWNER)
    return connection.execute(select(sa.func.count()).select_from(memberships).where(*where)).scalar_one()


def _seen_by(user_id: str) -> sa.Select[Any]:
    return select(*_AS_SEEN).join_from(memberships, companies).where(memberships.c.user_id == user_id)


def _to_company(row: sa.Row[Any]) -> Company:
    return Company(**{**row._mapping, "role": Role(row.role)})


def _to_member(row: sa.Row[Any]) -> Member:
    return Member(**{**row._mapping, "role": Role(row.role)})
