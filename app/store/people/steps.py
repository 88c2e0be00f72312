"""The steps that delete or rename the rows of a person or a company, a bounded number at a time.

Invariant: a step that is repeated until it changes nothing has done its work, also after an interruption.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select, update

from app.store.schema.columns import Condition
from app.store.schema.tables import (
    api_keys,
    armings,
    feeds,
    idempotency_keys,
    invitations,
    jobs,
    memberships,
    oauth_states,
    posts,
    social_accounts,
)
from app.store.schema.webhooks import webhook_endpoints, webhook_events

A, E, V = social_accounts.c, webhook_endpoints.c, invitations.c
#: Changes at most so many rows within the transaction. Returns their number.
Step = Callable[[Connection, int], int]


def ways_to_act(user_id: str) -> list[Step]:
    """Delete what acts for the user: keys, feeds, jobs, connections in progress, kept answers, endpoints."""
    tables = (api_keys, feeds, jobs, oauth_states, idempotency_keys)
    return [*(_deletion(table, table.c.user_id == user_id) for table in tables), *_endpoints(E.user_id == user_id)]


def traces(user_id: str, new: str) -> list[Step]:
    """Put `new` in place of the user in rows of companies, and delete the user's last rows."""
    return [
        _deletion(invitations, sa.and_(V.user_id == user_id, V.accepted_at.is_(None))),
        *(_replacement(column, user_id, new) for column in (V.user_id, V.invited_by, V.accepted_by)),
        _replacement(posts.c.user_id, user_id, new, posts.c.company_id.is_not(None)),
        _replacement(A.user_id, user_id, new, A.company_id.is_not(None)),
        _deletion(armings, armings.c.user_id == user_id),
    ]


def doors_of_company(company_id: str) -> list[Step]:
    """Delete the ways into a company: members, invitations, feeds, endpoints."""
    tables = (memberships, invitations, feeds)
    rows = [_deletion(table, table.c.company_id == company_id) for table in tables]
    return [*rows, *_endpoints(E.company_id == company_id)]


def _endpoints(where: Condition) -> list[Step]:
    events = webhook_events.c.endpoint_id.in_(select(E.id).where(where))
    return [_deletion(webhook_events, events), _deletion(webhook_endpoints, where)]


def _deletion(table: sa.Table, where: Condition) -> Step:
    key = _key(table)
    return lambda tx, limit: tx.execute(delete(table).where(key.in_(_some(table, where, limit)))).rowcount


def _replacement(column: sa.Column[str], former: str, new: str, where: Condition | None = None) -> Step:
    found = column == former if where is None else sa.and_(column == former, where)
    key, values = _key(column.table), {column.name: new}

    def replace(tx: Connection, limit: int) -> int:
        some = _some(column.table, found, limit)
        return tx.execute(update(column.table).where(key.in_(some)).values(values)).rowcount

    return replace


def _key(table: sa.FromClause) -> Any:
    key = list(table.primary_key)
    return key[0] if len(key) == 1 else sa.tuple_(*key)


def _some(table: sa.FromClause, where: Condition, limit: int) -> sa.Select[tuple[object, ...]]:
    return select(*table.primary_key).where(where).limit(limit)
