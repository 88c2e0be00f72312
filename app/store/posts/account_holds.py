"""The transition scheduled → failed for all posts of one account, after a person took their profile away.

Invariant: one UPDATE decides by the status of each row, so a post claimed a moment before stays in flight.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, insert, select, update

from app.domain.companies import Withheld
from app.domain.lifecycle import Status
from app.store.events.outbox import record_held
from app.store.posts.transition_sql import transition_row
from app.store.schema.tables import WITHHELD, posts, transitions

P = posts.c


def armed_messages(connection: Connection, account_id: str, limit: int) -> list[str]:
    """Return the ids of pending messages of the account's scheduled posts, the soonest first."""
    armed = (P.social_account_id == account_id, P.status == Status.SCHEDULED, P.message_id.is_not(None))
    return list(
        connection.execute(select(P.message_id).where(*armed).order_by(P.next_attempt_at).limit(limit)).scalars()
    )


def hold_posts(
    tx: Connection, account_id: str, *, code: str, message: str, reason: str, actor: str, now: datetime
) -> int:
    """Hold every scheduled post of the account: failed, with a code and a message. Returns their number."""
    values = {"status": Status.FAILED, "error_code": code, "error_message": message, "updated_at": now}
    values |= {"next_attempt_at": None, "message_id": None, "swept_at": None}
    scheduled = (P.social_account_id == account_id, P.status == Status.SCHEDULED)
    columns = (P.id, P.status, P.generation, P.attempt)
    held = tx.execute(update(posts).where(*scheduled).values(values).returning(*columns)).all()
    if held:
        before = {"from_status": Status.SCHEDULED, "reason": reason, "actor": actor, "at": now}
        tx.execute(insert(transitions), [transition_row(row, **before) for row in held])
        record_held(tx, account_id, now)
    return len(held)


def withheld(connection: Connection, company_id: str, limit: int) -> list[Withheld]:
    """Count a company's held posts by account and reason, for at most `limit` accounts."""
    statement = (
        select(P.social_account_id, P.error_code, sa.func.count())
        .where(P.company_id == company_id, P.social_account_id.is_not(None), sa.text(WITHHELD))
        .group_by(P.social_account_id, P.error_code)
        .order_by(P.social_account_id, P.error_code)
        .limit(limit)
    )
    return [Withheld(*row) for row in connection.execute(statement)]
