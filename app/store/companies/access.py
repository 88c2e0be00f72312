"""The access condition for posts and accounts, and the lock of a company's row.

A row without a company belongs to its user alone. A row with a company belongs to all members, regardless of its
author. A write inside a company takes a shared lock on the company's row. A change of members or clients, or the
removal of the company, takes the exclusive lock.

Invariant: no member writes with a right revoked a moment ago.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.companies import Right, Role, roles_with
from app.store.schema.columns import Condition
from app.store.schema.tables import companies, memberships, posts, social_accounts


def allowed(table: sa.Table, user_id: Any, right: Right) -> Condition:
    """Return the condition for rows open to this user with this right.

    `table` is `posts` or `social_accounts`.
    """
    with_right = select(memberships.c.company_id).where(
        memberships.c.user_id == user_id, memberships.c.role.in_(roles_with(right))
    )
    own = sa.and_(table.c.company_id.is_(None), table.c.user_id == user_id)
    return sa.or_(own, table.c.company_id.in_(with_right))


def visible_posts(user_id: Any) -> Condition:
    return allowed(posts, user_id, Right.READ)


def usable_accounts(user_id: str, company_id: str | None, client_id: str | None) -> Condition:
    """Return the condition for accounts usable by a post of this author, company and client.

    A personal post uses its author's own accounts. A company's post uses the company's accounts, but never those of
    another client.
    """
    c = social_accounts.c
    if company_id is None:
        return sa.and_(c.company_id.is_(None), c.user_id == user_id)
    return sa.and_(c.company_id == company_id, sa.or_(c.client_id.is_(None), c.client_id == client_id))


def account_of_post() -> Condition:
    """Join a post to its own account, if the post may use it."""
    return sa.and_(social_accounts.c.id == posts.c.social_account_id, _usable_by_post())


def accounts_of_post() -> Condition:
    """Join a post to the usable accounts on its platform.

    A post with an account joins that account alone.
    """
    c, p = social_accounts.c, posts.c
    named = sa.or_(p.social_account_id.is_(None), c.id == p.social_account_id)
    return sa.and_(c.platform == p.platform, _usable_by_post(), named)


def role_of(connection: Connection, company_id: str, user_id: str) -> Role | None:
    statement = select(memberships.c.role).where(
        memberships.c.company_id == company_id, memberships.c.user_id == user_id
    )
    role = connection.execute(statement).scalar()
    return Role(role) if role is not None else None


def hidden_posts(connection: Connection, user_id: str, post_ids: Iterable[str]) -> list[str]:
    """Return those of these posts that exist and that the user may not read."""
    statement = select(posts.c.id).where(posts.c.id.in_(list(post_ids)), sa.not_(visible_posts(user_id)))
    return list(connection.execute(statement).scalars())


def companies_of(connection: Connection, user_id: str, company_ids: Iterable[str]) -> set[str]:
    """Return those of these companies that have the user as a member."""
    m = memberships.c
    statement = select(m.company_id).where(m.user_id == user_id, m.company_id.in_(list(company_ids)))
    return set(connection.execute(statement).scalars())


def _usable_by_post() -> Condition:
    """Return the condition of `usable_accounts` for the post in the same statement."""
    c, p = social_accounts.c, posts.c
    own = sa.and_(p.company_id.is_(None), c.company_id.is_(None), c.user_id == p.user_id)
    shared = sa.and_(c.company_id == p.company_id, sa.or_(c.client_id.is_(None), c.client_id == p.client_id))
    return sa.or_(own, shared)


def lock_company(tx: Connection, company_id: str, *, exclusive: bool) -> None:
    """Lock the company's row until this transaction ends.

    Its members and clients cannot change meanwhile. SQLite has one writer at a time and needs no lock. The lock is a
    statement of its own, so the caller reads members and clients after the wait and not before it.
    """
    statement = select(companies.c.id).where(companies.c.id == company_id)
    tx.execute(statement.with_for_update(read=not exclusive, key_share=not exclusive))
