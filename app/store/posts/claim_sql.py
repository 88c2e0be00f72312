"""The SQL of the claim of a group of posts: scheduled → publishing.

The statement also inserts the rows of `transitions` and `attempts`. Each post is claimed only if it is due and still
matches its intent, and only while sending is not paused. The transition `claim` executes the statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select, update

from app.domain.lateness import lateness_ms
from app.domain.lifecycle import Status
from app.domain.post import Account
from app.store.companies.access import account_of_post
from app.store.execute_for_rows import Types
from app.store.operations.pauses import IS_PAUSED
from app.store.posts.transition_sql import NOW, insert_selected, transition_row
from app.store.row_locks import unlocked
from app.store.schema.tables import attempts, posts, social_accounts, status_unindexed, transitions

_LEASE = sa.bindparam("lease", type_=posts.c.lease_until.type)


@dataclass(frozen=True, slots=True)
class Intent:
    """One post to claim: its generation and account as the delivery prepared them.

    `account` is None for a post without a usable account. With `sending`, the send begins with the claim. A `version`
    is the row's `updated_at` as prepared, None where any version will do. `tolerance` is the number of seconds that
    the database's clock may be behind the due instant, None where its clock is not compared. `woken_at`,
    `alarm_late_ms` and `publisher` are of the attempt's row.
    """

    post_id: str
    generation: int
    account: Account | None
    trigger: str
    sending: bool
    version: datetime | None = None
    tolerance: float | None = None
    woken_at: datetime | None = None
    alarm_late_ms: float | None = None
    publisher: int | None = None


TYPES: Types = (
    ("row_index", sa.Integer()),
    ("id", posts.c.id.type),
    ("generation", sa.Integer()),
    ("account", sa.Text()),
    ("trigger", sa.String()),
    ("sending", sa.Boolean()),
    ("version", posts.c.updated_at.type),
    ("tolerance", sa.Double()),
    ("woken_at", attempts.c.woken_at.type),
    ("alarm_late_ms", sa.Double()),
    ("publisher", sa.SmallInteger()),
    ("connected_at", attempts.c.connected_at.type),
)

#: The columns of an intent that come back with its claimed post, most of them for the attempt's row.
RETURNED = ("row_index", "trigger", "woken_at", "alarm_late_ms", "publisher", "connected_at")


def intent_row(index: int, intent: Intent) -> dict[str, Any]:
    """Return the input row of an intent, with the columns of TYPES."""
    account = intent.account
    return {
        "row_index": index,
        "id": intent.post_id,
        "generation": intent.generation,
        "account": account and f"{account.access_token}|{account.external_id}|{account.status}",
        "trigger": intent.trigger,
        "sending": intent.sending,
        "version": intent.version,
        "tolerance": intent.tolerance,
        "woken_at": intent.woken_at,
        "alarm_late_ms": intent.alarm_late_ms,
        "publisher": intent.publisher,
        "connected_at": account and account.connected_at,
    }


def build_claim(intent: Any, many: bool) -> sa.Executable:
    """Build the claim. It returns the claimed posts' columns, `row_index` and `trigger`.

    With `many`, the statement also inserts into `transitions` and `attempts`. Otherwise the caller inserts these rows.
    """
    claimed = _claimed(intent, many)
    return _recorded(claimed) if many else claimed


def build_claim_of_unlocked(intent: Any, many: bool) -> sa.Executable:
    """Build the claim of a group: it skips posts locked by another transaction instead of waiting for them."""
    if not many:
        return build_claim(intent, many)
    free = unlocked(posts, posts.c.id.in_(select(intent.id)))
    return _recorded(_claimed(intent, many).where(free.c.id == posts.c.id))


def _claimed(intent: Any, many: bool) -> Any:
    a = social_accounts.c
    account = select(a.access_token + "|" + a.external_id + "|" + a.status).where(account_of_post())
    return (
        update(posts)
        .where(posts.c.id == intent.id, posts.c.generation == intent.generation, status_unindexed(Status.SCHEDULED))
        .where(posts.c.next_attempt_at <= NOW, _due_by_database(intent, many))
        .where(sa.not_(IS_PAUSED))
        .where(sa.or_(intent.version.is_(None), posts.c.updated_at == intent.version))
        .where(account.correlate(posts).scalar_subquery().is_not_distinct_from(intent.account))
        .values(status=Status.PUBLISHING, updated_at=NOW, attempt=posts.c.attempt + 1, lease_until=_LEASE)
        .values(next_attempt_at=None, message_id=None, swept_at=None, sending_at=sa.case((intent.sending, NOW)))
        .returning(*posts.c, *(getattr(intent, name).label(name) for name in RETURNED))
    )


def _due_by_database(intent: Any, many: bool) -> sa.ColumnElement[bool]:
    """Return the condition that the post is due by the database's clock too. SQLite has no clock of its own."""
    unchecked: sa.ColumnElement[bool] = intent.tolerance.is_(None)
    if not many:
        return unchecked
    tolerance = sa.func.make_interval(0, 0, 0, 0, 0, 0, intent.tolerance)
    return sa.or_(unchecked, posts.c.next_attempt_at <= sa.func.clock_timestamp() + tolerance)


def _recorded(statement: Any) -> sa.Executable:
    claimed = statement.cte("claimed")
    c = claimed.c
    scheduled, reason = sa.literal(Status.SCHEDULED.value), sa.literal("claimed")
    line = transition_row(c, from_status=scheduled, reason=reason, actor=c.trigger, at=NOW)
    late_ms = sa.case((c.sending_at.is_not(None), _lateness_ms(c.scheduled_at)))
    attempt = _attempt_row(c, started_at=NOW, late_ms=late_ms)
    history = insert_selected(transitions, line, "history")
    return select(claimed).add_cte(history, insert_selected(attempts, attempt, "tries"))


def _lateness_ms(scheduled_at: sa.ColumnElement[datetime]) -> sa.ColumnElement[float]:
    """Return `lateness_ms` of the domain as an SQL expression, for a send now."""
    return sa.cast(sa.func.round(sa.extract("epoch", NOW - scheduled_at) * 1000, 3), sa.Double)


def attempt_row(claimed: sa.Row[Any], now: datetime) -> dict[str, Any]:
    """Return the `attempts` row of one claimed row."""
    late_ms = lateness_ms(claimed.scheduled_at, now) if claimed.sending_at is not None else None
    return _attempt_row(claimed, started_at=now, late_ms=late_ms)


def _attempt_row(claimed: Any, *, started_at: Any, late_ms: Any) -> dict[str, Any]:
    """Return the columns of the `attempts` row of a claim.

    `claimed` is a result row or the columns of a statement.
    """
    return {
        "post_id": claimed.id,
        "attempt": claimed.attempt,
        "generation": claimed.generation,
        "trigger": claimed.trigger,
        "started_at": started_at,
        "sent_at": claimed.sending_at,
        "lateness_ms": late_ms,
        "woken_at": claimed.woken_at,
        "alarm_late_ms": claimed.alarm_late_ms,
        "publisher": claimed.publisher,
        "connected_at": claimed.connected_at,
    }
