"""Write events into the outbox, in the transaction of their cause: one row for each listening endpoint.

Invariant: one INSERT … SELECT from the endpoints, so nothing is written while no endpoint listens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, insert, select

from app.domain.events import EventType
from app.domain.lifecycle import Status
from app.store.schema.columns import Condition
from app.store.schema.tables import posts, social_accounts
from app.store.schema.webhooks import webhook_endpoints, webhook_events
from app.store.written_events import WRITTEN

MAX_AT_RISK = 200  # posts of one account
MAX_TEXT = 500  # characters of an error message or of an alert's text
E = webhook_endpoints.c
COLUMNS = ("id", "endpoint_id", "type", "data", "created_at", "status", "attempts", "next_try_at")
EVENT_TYPE = sa.bindparam("event_type", type_=sa.String())
AT = sa.bindparam("event_at", type_=webhook_events.c.created_at.type)

#: The fields of an event about a post, by their names in JSON.
_OF_POST = {
    "postId": "id",
    "userId": "user_id",
    "companyId": "company_id",
    "clientId": "client_id",
    "socialAccountId": "social_account_id",
    "platform": "platform",
    "status": "status",
    "scheduledAt": "scheduled_at",
    "publishedAt": "published_at",
    "externalPostId": "external_post_id",
    "externalUrl": "external_url",
    "errorCode": "error_code",
    "errorMessage": "error_message",
    "generation": "generation",
    "attempt": "attempt",
}
_OF_ACCOUNT = {
    "socialAccountId": "id",
    "userId": "user_id",
    "companyId": "company_id",
    "clientId": "client_id",
    "platform": "platform",
    "accountName": "account_name",
    "status": "status",
    "expiresAt": "expires_at",
}


def insert_post_events(of: Any, dialect: str, event_type: Any, at: Any, *where: Condition) -> Any:
    """Build the INSERT of events about posts. `of` are the columns of the posts."""
    listens = (_of_owner(of), _listens(event_type), *where)
    return _insert(dialect, event_type, _data(dialect, of, _OF_POST), at, listens)


def record_post(tx: Connection, post_id: str, event_type: EventType, now: datetime) -> None:
    """Record an event about a post, as it is now."""
    note_written(
        tx, tx.execute(_one_post(tx.dialect.name), {"post_id": post_id, "event_type": event_type, "event_at": now})
    )


def record_posts(tx: Connection, caused: Mapping[EventType, Sequence[str]], now: datetime) -> None:
    """Record the events of many posts, as they are now. One cheap read while no endpoint exists."""
    if not any(caused.values()) or not tx.execute(_LISTENED).scalar():
        return
    for event_type, ids in caused.items():
        if ids:
            where = posts.c.id.in_(ids)
            note_written(tx, tx.execute(insert_post_events(posts.c, tx.dialect.name, event_type.value, now, where)))


def record_unknown(tx: Connection, post_id: str, attempt: int, now: datetime) -> None:
    """Record that the outcome of a post's current attempt is unknown. Later outcomes have events of their own."""
    p = posts.c
    still = (p.id == post_id, p.status == Status.PUBLISHING, p.attempt == attempt)
    note_written(tx, tx.execute(insert_post_events(p, tx.dialect.name, EventType.OUTCOME_UNKNOWN.value, now, *still)))


def record_held(tx: Connection, account_id: str, now: datetime) -> None:
    """Record that the posts of an account failed in this transaction, at `now`."""
    p = posts.c
    at = sa.literal(now, p.updated_at.type)
    where = (p.social_account_id == account_id, p.status == Status.FAILED, p.updated_at == at)
    note_written(tx, tx.execute(insert_post_events(p, tx.dialect.name, EventType.FAILED.value, now, *where)))


def record_at_risk(tx: Connection, account_id: str, now: datetime, *, all_posts: bool) -> None:
    """Record that scheduled posts of the account may not go out.

    They are all of its posts, or with `all_posts` False those after the end of its access.
    """
    p, a = posts.c, social_accounts.c
    where = [p.social_account_id == account_id, p.status == Status.SCHEDULED]
    if not all_posts:
        where.append(p.scheduled_at >= select(a.expires_at).where(a.id == account_id).scalar_subquery())
    some = select(p.id).where(*where).order_by(p.next_attempt_at).limit(MAX_AT_RISK)
    statement = insert_post_events(p, tx.dialect.name, EventType.AT_RISK.value, now, p.id.in_(some))
    note_written(tx, tx.execute(statement))


def record_account(tx: Connection, account_id: str, event_type: EventType, now: datetime) -> None:
    """Record an event about an account."""
    a, name = social_accounts.c, tx.dialect.name
    where = (a.id == account_id, _of_owner(a), _listens(event_type.value))
    note_written(tx, tx.execute(_insert(name, event_type.value, _data(name, a, _OF_ACCOUNT), now, where)))


def record_alert(tx: Connection, kind: str, subject: str, detail: str, now: datetime) -> None:
    """Record an operators' alert, for the endpoints of admins alone."""
    build = _BUILD[tx.dialect.name]
    parts = {"kind": kind, "subject": subject, "detail": detail[:MAX_TEXT]}
    pairs = [sa.literal(part, sa.String()) for pair in parts.items() for part in pair]
    where = (E.admin.is_(sa.true()), E.company_id.is_(None), _listens(EventType.ALERT_RAISED.value))
    note_written(tx, tx.execute(_insert(tx.dialect.name, EventType.ALERT_RAISED.value, build(*pairs), now, where)))


def note_written(tx: Connection, result: Any) -> None:
    """Note that the transaction has written events, if it has."""
    if result.rowcount > 0:
        tx.info[WRITTEN] = True


def _one_post(dialect: str) -> Any:
    if dialect not in _ONE_POST:
        this = posts.c.id == sa.bindparam("post_id", type_=posts.c.id.type)
        _ONE_POST[dialect] = insert_post_events(posts.c, dialect, EVENT_TYPE, AT, this)
    return _ONE_POST[dialect]


_LISTENED = select(sa.exists().where(E.status == "enabled"))
_ONE_POST: dict[str, Any] = {}
_BUILD: dict[str, Any] = {"postgresql": sa.func.json_build_object, "sqlite": sa.func.json_object}
_NEW_ID: dict[str, Any] = {
    "postgresql": sa.func.gen_random_uuid(),
    "sqlite": sa.func.lower(sa.func.hex(sa.func.randomblob(16))),
}


def _insert(dialect: str, event_type: Any, data: Any, at: Any, where: tuple[Condition, ...]) -> Any:
    typed = event_type if isinstance(event_type, sa.ColumnElement) else sa.literal(event_type, sa.String())
    when = at if isinstance(at, sa.ColumnElement) else sa.literal(at, webhook_events.c.created_at.type)
    row = select(_NEW_ID[dialect], E.id, typed, data, when, sa.literal("pending"), sa.literal(0), when).where(*where)
    return insert(webhook_events).from_select(list(COLUMNS), row)


def _of_owner(of: Any) -> Condition:
    """Return the condition for endpoints of the row's owner: its company, or its user where it has none."""
    own = sa.and_(E.company_id.is_(None), of.company_id.is_(None), E.user_id == of.user_id)
    return sa.or_(own, E.company_id == of.company_id)


def _listens(event_type: Any) -> Condition:
    listed = sa.literal('%"', sa.String()) + event_type + sa.literal('"%', sa.String())
    return sa.and_(E.status == "enabled", sa.cast(E.events, sa.Text).like(listed))


def _data(dialect: str, of: Any, names: dict[str, str]) -> Any:
    pairs: list[Any] = []
    for name, column in names.items():
        pairs += [sa.literal(name, sa.String()), _value(dialect, of[column])]
    return _BUILD[dialect](*pairs)


def _value(dialect: str, column: Any) -> Any:
    """Return a column as a JSON value: an instant as on the wire, a text of at most MAX_TEXT characters."""
    if column.name.endswith("_at"):
        if dialect == "postgresql":
            return sa.func.to_char(column, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        return sa.func.strftime("%Y-%m-%dT%H:%M:%fZ", column, type_=sa.String())
    if column.name in ("error_message", "external_url", "account_name"):
        return sa.func.substr(column, 1, MAX_TEXT)
    return column
