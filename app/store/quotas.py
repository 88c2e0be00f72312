"""The numbers that quotas bound, and the lock of one user's quotas.

Invariant: a count reads at most a limit of rows, along an index.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.companies import Role
from app.domain.lifecycle import Status
from app.store.schema.columns import Condition
from app.store.schema.tables import api_keys, clients, companies, idempotency_keys, memberships, posts, social_accounts
from app.store.schema.webhooks import webhook_endpoints


def lock_owner(tx: Connection, user_id: str) -> None:
    """Lock the user's quotas until this transaction ends, so that two at once cannot take the last place.

    There is no row of a user to lock. SQLite has one writer at a time and needs no lock.
    """
    if tx.dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(f"quota {user_id}".encode()).digest()[:8], signed=True)
        tx.execute(_LOCK, {"of": key})


_LOCK = select(sa.func.pg_advisory_xact_lock(sa.bindparam("of", type_=sa.BigInteger)))


def _few_posts(*statuses: Status) -> sa.ScalarSelect[int]:
    of = (posts.c.user_id == sa.bindparam("author"), posts.c.status.in_(statuses))
    few = select(sa.literal(1)).select_from(posts).where(*of).limit(sa.bindparam("most", type_=sa.Integer)).subquery()
    return select(sa.func.count()).select_from(few).scalar_subquery()


#: The first statuses are those of `ix_posts_list_status`. Publishing posts are in another index, and few.
_OPEN_POSTS = select(_few_posts(Status.DRAFT, Status.SCHEDULED, Status.FAILED) + _few_posts(Status.PUBLISHING))


def open_posts(connection: Connection, user_id: str, most: int) -> int:
    """Count the author's posts without a final status. Above `most` the number may be less than exact."""
    return int(connection.execute(_OPEN_POSTS, {"author": user_id, "most": most}).scalar_one())


def draft_bytes(connection: Connection, user_id: str) -> int:
    """Return the bytes of the author's drafts: texts and media. Their number is bounded by the quota of posts."""
    columns = (posts.c.content, sa.cast(posts.c.media, sa.Text), sa.func.coalesce(posts.c.image_url, ""))
    size: Any = sum((_bytes(connection, column) for column in columns), sa.literal(0))
    where = (posts.c.user_id == user_id, posts.c.status == Status.DRAFT)
    return int(connection.execute(select(sa.func.coalesce(sa.func.sum(size), 0)).where(*where)).scalar_one())


def accounts(connection: Connection, user_id: str, most: int) -> int:
    """Count the accounts that this user has connected, for themselves and for companies."""
    return _count(connection, social_accounts, most, social_accounts.c.user_id == user_id)


def created_companies(connection: Connection, user_id: str, most: int) -> int:
    """Count the companies that this user has created and still owns.

    A creator became a member at the creation. Later owners were made ones by others, which must not use up their quota.
    """
    m = memberships.c
    founded = m.created_at <= companies.c.created_at
    own = (
        select(sa.literal(1))
        .join_from(memberships, companies)
        .where(m.user_id == user_id, m.role == Role.OWNER, founded)
    )
    return connection.execute(select(sa.func.count()).select_from(own.limit(most).subquery())).scalar_one()


def members(connection: Connection, company_id: str, most: int) -> int:
    return _count(connection, memberships, most, memberships.c.company_id == company_id)


def clients_of(connection: Connection, company_id: str, most: int) -> int:
    return _count(connection, clients, most, clients.c.company_id == company_id)


def kept_keys(connection: Connection, user_id: str, now: datetime, most: int) -> int:
    """Count the user's idempotency keys that are not expired, up to `most`."""
    kept = (idempotency_keys.c.user_id == user_id, idempotency_keys.c.expires_at > now)
    return _count(connection, idempotency_keys, most, *kept)


def webhook_endpoints_of(connection: Connection, user_id: str, most: int) -> int:
    """Count the endpoints that this user has made, for themselves and for companies."""
    return _count(connection, webhook_endpoints, most, webhook_endpoints.c.user_id == user_id)


def personal_keys(connection: Connection, user_id: str, most: int) -> int:
    """Count the user's API keys that are not revoked, expired ones too."""
    return _count(connection, api_keys, most, api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))


def _count(connection: Connection, table: sa.Table, most: int, *where: Condition) -> int:
    few = select(sa.literal(1)).select_from(table).where(*where).limit(most).subquery()
    return connection.execute(select(sa.func.count()).select_from(few)).scalar_one()


def _bytes(connection: Connection, column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    if connection.dialect.name == "postgresql":
        return sa.func.octet_length(column)
    return sa.func.length(sa.cast(column, sa.LargeBinary))
