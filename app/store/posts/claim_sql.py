"""The statement that claims: scheduled → publishing for whoever of a group is due and still as it was made ready, with
its line in the history and its attempt's row. The transition that uses it is posts.claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import insert, select, update

from app.domain.lifecycle import Status
from app.domain.post import Account
from app.store.companies.access import account_of_post
from app.store.schema.tables import attempts, posts, social_accounts, status_unindexed, transitions

NOW = sa.bindparam("now", type_=posts.c.updated_at.type)
_LEASE = sa.bindparam("lease", type_=posts.c.lease_until.type)


@dataclass(frozen=True, slots=True)
class Intent:
    """What a delivery wants to claim: the post as it was intended, through this account as it was made ready (None: the
    post has none that it may use). With `sending`, the send is held to begin with the claim."""

    post_id: str
    generation: int
    account: Account | None
    trigger: str
    sending: bool


TYPES = (
    ("place", sa.Integer()),
    ("id", posts.c.id.type),
    ("generation", sa.Integer()),
    ("account", sa.Text()),
    ("trigger", sa.String()),
    ("sending", sa.Boolean()),
)


def as_given(place: int, intent: Intent) -> dict[str, Any]:
    account = intent.account
    return {
        "place": place,
        "id": intent.post_id,
        "generation": intent.generation,
        "account": account and f"{account.access_token}|{account.external_id}|{account.status}",
        "trigger": intent.trigger,
        "sending": intent.sending,
    }


def build(wanted: Any, many: bool) -> sa.Executable:
    """Returns the claimed posts' columns and `place`. One by one, history and attempt are left to the caller."""
    a = social_accounts.c
    account = select(a.access_token + "|" + a.external_id + "|" + a.status).where(account_of_post())
    claimed = (
        update(posts)
        .where(posts.c.id == wanted.id, posts.c.generation == wanted.generation, status_unindexed(Status.SCHEDULED))
        .where(posts.c.next_attempt_at <= NOW)
        .where(account.correlate(posts).scalar_subquery().is_not_distinct_from(wanted.account))
        .values(status=Status.PUBLISHING, updated_at=NOW, attempt=posts.c.attempt + 1, lease_until=_LEASE)
        .values(next_attempt_at=None, message_id=None, swept_at=None, sending_at=sa.case((wanted.sending, NOW)))
        .returning(*posts.c, wanted.place.label("place"), wanted.trigger.label("trigger"))
    )
    return _recorded(claimed.cte("claimed")) if many else claimed


def _recorded(claimed: sa.CTE) -> sa.Executable:
    c = claimed.c
    line = {
        "post_id": c.id,
        "at": NOW,
        "from_status": sa.literal(Status.SCHEDULED.value),
        "to_status": c.status,
        "reason": sa.literal("claimed"),
        "actor": c.trigger,
        "generation": c.generation,
        "attempt": c.attempt,
    }
    late_ms = sa.func.round(sa.extract("epoch", NOW - c.scheduled_at) * 1000, 3)
    begun = {
        "post_id": c.id,
        "attempt": c.attempt,
        "generation": c.generation,
        "trigger": c.trigger,
        "started_at": NOW,
        "sent_at": c.sending_at,
        "lateness_ms": sa.case((c.sending_at.is_not(None), sa.cast(late_ms, sa.Double))),
    }
    history = insert(transitions).from_select(list(line), select(*line.values())).cte("history")
    tries = insert(attempts).from_select(list(begun), select(*begun.values())).cte("tries")
    return select(claimed).add_cte(history, tries)


def begun(row: sa.Row[Any], now: datetime) -> dict[str, Any]:
    """The attempt's row of one that was claimed by itself."""
    late = round((now - row.scheduled_at).total_seconds() * 1000, 3)
    return {
        "post_id": row.id,
        "attempt": row.attempt,
        "generation": row.generation,
        "trigger": row.trigger,
        "started_at": now,
        "sent_at": row.sending_at,
        "lateness_ms": late if row.sending_at is not None else None,
    }
