"""The rows that are about one user, table by table, without their secrets.

Invariant: each table with a column that names a user has an entry here. `tests/store/test_people.py` compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.store.schema.columns import Condition
from app.store.schema.tables import (
    account_queues,
    api_keys,
    armings,
    attempts,
    audit_entries,
    companies,
    feeds,
    idempotency_keys,
    invitations,
    jobs,
    memberships,
    oauth_states,
    posts,
    social_accounts,
    transitions,
)
from app.store.schema.webhooks import webhook_endpoints, webhook_events

A, V, M = social_accounts.c, invitations.c, memberships.c
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Records:
    """The rows of one table about a user. `secrets` are columns that no export shows."""

    name: str
    table: sa.Table
    where: Callable[[str], Condition]
    secrets: frozenset[str] = frozenset()
    order: tuple[sa.Column[Any], ...] = ()

    @property
    def key(self) -> tuple[sa.Column[Any], ...]:
        return self.order or tuple(self.table.primary_key.columns)


def of_user(column: sa.Column[str]) -> Callable[[str], Condition]:
    return lambda user_id: column == user_id


def member_target(user_id: str) -> str:
    """Return the user as the target of an audit entry."""
    return f"member:{user_id}"


def user_actor(user_id: str) -> str:
    """Return the user as the actor of a transition."""
    return f"user:{user_id}"


def _own_accounts(user_id: str) -> Condition:
    return sa.or_(A.user_id == user_id, A.profile_of == user_id)


def _acts_on_posts_of_others(user_id: str) -> Condition:
    others = select(posts.c.id).where(posts.c.id == transitions.c.post_id, posts.c.user_id != user_id)
    return sa.and_(transitions.c.actor == user_actor(user_id), sa.exists(others))


def _of_accounts(user_id: str) -> Condition:
    return account_queues.c.account_id.in_(select(A.id).where(_own_accounts(user_id)))


def _own_companies(user_id: str) -> Condition:
    return companies.c.id.in_(select(M.company_id).where(M.user_id == user_id))


def _events(user_id: str) -> Condition:
    endpoints = select(webhook_endpoints.c.id).where(webhook_endpoints.c.user_id == user_id)
    return webhook_events.c.endpoint_id.in_(endpoints)


def _invitations(user_id: str) -> Condition:
    return sa.or_(V.user_id == user_id, V.invited_by == user_id, V.accepted_by == user_id)


def _audit(user_id: str) -> Condition:
    return sa.or_(audit_entries.c.actor == user_id, audit_entries.c.target == member_target(user_id))


_HASH = frozenset({"token_hash"})
#: In the order of the export. The answers kept for repeated requests may hold a key that is shown once.
RECORDS = (
    Records("posts", posts, of_user(posts.c.user_id), order=(posts.c.created_at, posts.c.id)),
    Records("actionsOnPostsOfOthers", transitions, _acts_on_posts_of_others),
    Records("socialAccounts", social_accounts, _own_accounts, frozenset({"access_token", "refresh_token"})),
    Records("queues", account_queues, _of_accounts),
    Records("companies", companies, _own_companies),
    Records("memberships", memberships, of_user(M.user_id)),
    Records("invitations", invitations, _invitations, _HASH),
    Records("apiKeys", api_keys, of_user(api_keys.c.user_id), _HASH),
    Records("feeds", feeds, of_user(feeds.c.user_id), _HASH),
    Records(
        "webhookEndpoints",
        webhook_endpoints,
        of_user(webhook_endpoints.c.user_id),
        frozenset({"secret", "previous_secret"}),
    ),
    Records("webhookEvents", webhook_events, _events),
    Records("jobs", jobs, of_user(jobs.c.user_id)),
    Records(
        "idempotencyKeys",
        idempotency_keys,
        of_user(idempotency_keys.c.user_id),
        frozenset({"body", "headers", "fingerprint", "holder"}),
    ),
    Records("alarmsByHour", armings, of_user(armings.c.user_id)),
    Records(
        "connectionsInProgress",
        oauth_states,
        of_user(oauth_states.c.user_id),
        frozenset({"state_hash", "browser_hash", "verifier"}),
        order=(oauth_states.c.created_at, oauth_states.c.state_hash),
    ),
    Records("auditEntries", audit_entries, _audit),
)


def page(connection: Connection, records: Records, user_id: str, after: Key | None, limit: int) -> list[dict[str, Any]]:
    """Return the next rows in the order of their key, all columns of each."""
    where = [records.where(user_id)]
    if after is not None:
        key = sa.tuple_(*records.key, types=[column.type for column in records.key])
        where.append(key > after)
    statement = select(records.table).where(*where).order_by(*records.key).limit(limit)
    return [dict(row._mapping) for row in connection.execute(statement)]


def count(connection: Connection, records: Records, user_id: str) -> int:
    found = select(sa.func.count()).select_from(records.table).where(records.where(user_id))
    return connection.execute(found).scalar_one()


def key_of(records: Records, row: dict[str, Any]) -> Key:
    return tuple(row[column.name] for column in records.key)


def histories(connection: Connection, post_ids: Sequence[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return the attempts and transitions of these posts, by post id."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {
        post_id: {"attempts": [], "transitions": []} for post_id in post_ids
    }
    for name, table, order in (
        ("attempts", attempts, attempts.c.attempt),
        ("transitions", transitions, transitions.c.id),
    ):
        rows: Iterable[Any] = connection.execute(
            select(table).where(table.c.post_id.in_(post_ids)).order_by(table.c.post_id, order)
        )
        for row in rows:
            found[row.post_id][name].append(dict(row._mapping))
    return found
