"""Whose is what: the one condition by which posts and accounts are seen and changed, and the lock that keeps it true.

A thing without a company is its user's alone; a thing of a company is its members', whoever wrote it. Whoever puts
something into a company, or changes something in it, holds the company's row together with others; whoever changes its
members or clients, or ends it, holds the row alone. So nobody acts by a right that was taken from them a moment ago.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.companies import Right, Role, roles_with
from app.store.schema.tables import companies, memberships, posts, social_accounts

Condition = sa.ColumnElement[bool]


def allowed(table: sa.Table, user_id: Any, right: Right) -> Condition:
    """The rows of `posts` or `social_accounts` that this user has this right to."""
    theirs = select(memberships.c.company_id).where(
        memberships.c.user_id == user_id, memberships.c.role.in_(roles_with(right))
    )
    own = sa.and_(table.c.company_id.is_(None), table.c.user_id == user_id)
    return sa.or_(own, table.c.company_id.in_(theirs))


def visible_posts(user_id: Any) -> Condition:
    return allowed(posts, user_id, Right.READ)


def usable_accounts(user_id: str, company_id: str | None, client_id: str | None) -> Condition:
    """The accounts that a post of this author, company and client may go out through: a personal post through its
    author's own, a company's through the company's, but never through another client's."""
    c = social_accounts.c
    if company_id is None:
        return sa.and_(c.company_id.is_(None), c.user_id == user_id)
    return sa.and_(c.company_id == company_id, sa.or_(c.client_id.is_(None), c.client_id == client_id))


def account_of_post() -> Condition:
    """Joins a post to its account, as long as it is one of those."""
    return sa.and_(social_accounts.c.id == posts.c.social_account_id, _may_use())


def accounts_of_post() -> Condition:
    """Joins a post to the accounts on its platform that it may go out through: its own, or any while it names none."""
    c, p = social_accounts.c, posts.c
    named = sa.or_(p.social_account_id.is_(None), c.id == p.social_account_id)
    return sa.and_(c.platform == p.platform, _may_use(), named)


def role_of(connection: Connection, company_id: str, user_id: str) -> Role | None:
    statement = select(memberships.c.role).where(
        memberships.c.company_id == company_id, memberships.c.user_id == user_id
    )
    role = connection.execute(statement).scalar()
    return Role(role) if role is not None else None


def _may_use() -> Condition:
    """What `usable_accounts` says, of a post that is in the same statement."""
    c, p = social_accounts.c, posts.c
    own = sa.and_(p.company_id.is_(None), c.company_id.is_(None), c.user_id == p.user_id)
    shared = sa.and_(c.company_id == p.company_id, sa.or_(c.client_id.is_(None), c.client_id == p.client_id))
    return sa.or_(own, shared)


def hold(tx: Connection, company_id: str, *, alone: bool) -> None:
    """Until this transaction ends, its members and clients stay as they are now. SQLite's writers are alone anyway.
    A statement of its own: what waited for the lock must read anew what the lock was for."""
    statement = select(companies.c.id).where(companies.c.id == company_id)
    tx.execute(statement.with_for_update(read=not alone, key_share=not alone))
