"""Delete or hand over the rows of a person or a company, in batches.

Invariant: no function deletes a scheduled or publishing post, so nothing on its way loses its row.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select

from app.domain.companies import Role
from app.domain.lifecycle import FINAL, Status
from app.domain.post import Account, Post
from app.store.accounts.accounts import to_account
from app.store.operations import counts
from app.store.posts.transition_sql import to_post
from app.store.schema.columns import Condition
from app.store.schema.tables import (
    account_slots,
    account_turns,
    alerts,
    companies,
    memberships,
    posts,
    social_accounts,
)

ON_THEIR_WAY = (Status.SCHEDULED, Status.PUBLISHING)
A, M, P = social_accounts.c, memberships.c, posts.c


def scheduled(connection: Connection, where: Condition, limit: int) -> list[Post]:
    """Return some scheduled posts, the soonest first."""
    statement = select(posts).where(where, P.status == Status.SCHEDULED).order_by(P.next_attempt_at, P.id).limit(limit)
    return [to_post(row) for row in connection.execute(statement)]


def publishing(connection: Connection, where: Condition) -> tuple[int, datetime | None]:
    """Count the posts that are being sent. Return their number and the end of the last lease."""
    found = select(sa.func.count(), sa.func.max(P.lease_until)).where(where, P.status == Status.PUBLISHING)
    count, until = connection.execute(found).one()
    return count, until


def of_person(user_id: str) -> Condition:
    """Return the condition of the posts that belong to the user alone."""
    return sa.and_(P.user_id == user_id, P.company_id.is_(None))


def through_person(user_id: str) -> Condition:
    """Return the condition of the posts by the user, or through a profile of the user."""
    profiles = select(A.id).where(
        sa.or_(A.profile_of == user_id, sa.and_(A.user_id == user_id, A.company_id.is_(None)))
    )
    return sa.or_(P.user_id == user_id, P.social_account_id.in_(profiles))


def of_company(company_id: str) -> Condition:
    """Return the condition of the posts that belong to the company."""
    return P.company_id == company_id


def delete_posts(tx: Connection, where: Condition, limit: int) -> int:
    """Delete some posts at rest, with their history and alerts. Returns the count. The totals stay."""
    oldest = select(P.id).where(where, P.status.not_in(ON_THEIR_WAY)).order_by(P.id).limit(limit)
    ids = list(tx.execute(oldest).scalars())
    at_rest = (P.id.in_(ids), P.status.not_in(ON_THEIR_WAY))
    gone = tx.execute(delete(posts).where(*at_rest).returning(P.status, P.updated_at)).all() if ids else []
    for status in FINAL:
        until = counts.counted_until(tx, status)
        counted = sum(row.status == status and row.updated_at < until for row in gone)
        if counted:
            counts.note_pruned(tx, status, counted)
    if ids:
        tx.execute(delete(alerts).where(alerts.c.subject.in_(ids)))
    return len(gone)


def profiles_in_companies(connection: Connection, user_id: str) -> list[Account]:
    """Return the profiles of this person that companies have."""
    return _accounts(connection, A.profile_of == user_id, A.company_id.is_not(None))


def own_accounts(connection: Connection, user_id: str) -> list[Account]:
    return _accounts(connection, A.user_id == user_id, A.company_id.is_(None))


def accounts_of_company(connection: Connection, company_id: str) -> list[Account]:
    return _accounts(connection, A.company_id == company_id)


def _accounts(connection: Connection, *where: Condition) -> list[Account]:
    return [to_account(row) for row in connection.execute(select(social_accounts).where(*where).order_by(A.id))]


def delete_account(tx: Connection, account_id: str) -> None:
    """Delete an account with its tokens, its alerts and the times of its turns."""
    tx.execute(delete(social_accounts).where(A.id == account_id))
    tx.execute(delete(alerts).where(alerts.c.subject == account_id))
    for table in (account_slots, account_turns):
        tx.execute(delete(table).where(table.c.account_id == account_id))


def companies_of(connection: Connection, user_id: str) -> list[str]:
    statement = select(M.company_id).where(M.user_id == user_id).order_by(M.company_id)
    return list(connection.execute(statement).scalars())


def owned_alone(connection: Connection, user_id: str) -> list[tuple[str, str]]:
    """Return the id and name of each company with this user as its only owner."""
    others = memberships.alias()
    other = select(others.c.user_id).where(
        others.c.company_id == M.company_id, others.c.role == Role.OWNER, others.c.user_id != user_id
    )
    statement = select(companies.c.id, companies.c.name).join_from(companies, memberships)
    statement = statement.where(M.user_id == user_id, M.role == Role.OWNER, ~sa.exists(other)).order_by(companies.c.id)
    return [(row.id, row.name) for row in connection.execute(statement)]


def company_name(connection: Connection, company_id: str) -> str | None:
    return connection.execute(select(companies.c.name).where(companies.c.id == company_id)).scalar()


def count_company(connection: Connection, company_id: str) -> dict[str, int]:
    """Count the posts and accounts of a company, and its members."""
    kinds = {"posts": posts, "socialAccounts": social_accounts, "members": memberships}
    return {
        name: connection.execute(
            select(sa.func.count()).select_from(table).where(table.c.company_id == company_id)
        ).scalar_one()
        for name, table in kinds.items()
    }
