"""Rows of `webhook_endpoints`.

Invariant: an endpoint without a company belongs to its user alone, one with a company to all its members.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, select, update

from app.domain.companies import Right
from app.domain.webhooks import Endpoint
from app.store.companies.access import allowed
from app.store.paging import After, oldest_first
from app.store.schema.webhooks import webhook_endpoints, webhook_events

T = webhook_endpoints.c
REMOVED_AT_ONCE = 5_000  # events deleted with their endpoint. The sweep deletes the rest


def create(tx: Connection, values: dict[str, Any], now: datetime) -> Endpoint:
    fresh = {"status": "enabled", "failures": 0, "created_at": now, "updated_at": now}
    statement = insert(webhook_endpoints).values(**values, **fresh).returning(webhook_endpoints)
    return _to_endpoint(tx.execute(statement).one())


def by_id(connection: Connection, endpoint_id: str, user_id: str | None = None) -> Endpoint | None:
    """Return the endpoint, for a user only if it is open to them."""
    statement = select(webhook_endpoints).where(T.id == endpoint_id)
    if user_id is not None:
        statement = statement.where(allowed(webhook_endpoints, user_id, Right.READ))
    row = connection.execute(statement).one_or_none()
    return _to_endpoint(row) if row else None


def page(connection: Connection, user_id: str, limit: int, after: After | None) -> list[Endpoint]:
    """Return a page of the endpoints open to this user, oldest first."""
    mine = select(webhook_endpoints).where(allowed(webhook_endpoints, user_id, Right.READ))
    return [_to_endpoint(row) for row in connection.execute(oldest_first(mine, T.created_at, T.id, limit, after))]


def change(tx: Connection, endpoint_id: str, values: dict[str, Any], now: datetime) -> Endpoint | None:
    statement = update(webhook_endpoints).where(T.id == endpoint_id).values(**values, updated_at=now)
    row = tx.execute(statement.returning(webhook_endpoints)).one_or_none()
    return _to_endpoint(row) if row else None


def remove(tx: Connection, endpoint_id: str) -> None:
    tx.execute(delete(webhook_endpoints).where(T.id == endpoint_id))
    e = webhook_events.c
    some = select(e.id).where(e.endpoint_id == endpoint_id).limit(REMOVED_AT_ONCE)
    tx.execute(delete(webhook_events).where(e.id.in_(some)))


def count_success(tx: Connection, endpoint_id: str) -> None:
    tx.execute(update(webhook_endpoints).where(T.id == endpoint_id, T.failures > 0).values(failures=0))


def count_failure(tx: Connection, endpoint_id: str, most: int, now: datetime) -> bool:
    """Count a failed delivery. Return True if it was the one that disables the endpoint."""
    failures = T.failures + 1
    status = sa.case((failures >= most, "disabled"), else_=T.status)
    values = {"failures": failures, "status": status, "updated_at": now}
    row = tx.execute(
        update(webhook_endpoints).where(T.id == endpoint_id, T.status == "enabled").values(values).returning(T.status)
    ).scalar()
    return row == "disabled"


def disable(tx: Connection, endpoint_id: str, now: datetime) -> bool:
    """Disable an enabled endpoint. Return False if it was not enabled."""
    statement = update(webhook_endpoints).where(T.id == endpoint_id, T.status == "enabled")
    return tx.execute(statement.values(status="disabled", updated_at=now)).rowcount == 1


def note_maker(tx: Connection, user_id: str, now: datetime, renewed_before: datetime, *, admin: bool) -> None:
    """Note the role of a maker: as an admin, renew what was written before `renewed_before`, else end the alerts."""
    mine = (T.user_id == user_id, T.admin.is_(sa.true()))
    if admin:
        stale = sa.func.coalesce(T.admin_seen_at, T.created_at) < renewed_before
        tx.execute(update(webhook_endpoints).where(*mine, stale).values(admin_seen_at=now))
    else:
        tx.execute(update(webhook_endpoints).where(*mine).values(admin=False, updated_at=now))


def end_unseen(tx: Connection, before: datetime, now: datetime, limit: int) -> list[str]:
    """End the alerts of admins' endpoints whose makers were last seen as admins before `before`. Return their ids."""
    unseen = select(T.id).where(T.admin.is_(sa.true()), sa.func.coalesce(T.admin_seen_at, T.created_at) < before)
    statement = update(webhook_endpoints).where(T.id.in_(unseen.limit(limit)), T.admin.is_(sa.true()))
    return list(tx.execute(statement.values(admin=False, updated_at=now).returning(T.id)).scalars())


def _to_endpoint(row: sa.Row[Any]) -> Endpoint:
    return Endpoint(**row._mapping)
