"""The turns of an account: one row that is free from an instant on, who waits, and who went in the last day.

Promise: who has taken the row decides alone, and whoever decides next sees what was decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select, update

from app.domain.outcomes import KNOWN_NOT_OUT
from app.domain.post import Post
from app.store.operations.alerts import upsert
from app.store.schema.tables import PACED, account_slots, account_turns, attempts, posts

SLOT, TURN, P, A = account_slots.c, account_turns.c, posts.c, attempts.c
MOST_WAITING = 1_000  # looked at per decision; behind more of them than that, the latest say where the end is


@dataclass(frozen=True, slots=True)
class Slot:
    """Free from `free_at` on; the last turn was that of `post_id`, as its next attempt after `attempt`."""

    free_at: datetime
    post_id: str | None
    attempt: int | None


def take_row(tx: Connection, account_id: str, now: datetime) -> Slot:
    """The account's slot, in our hands until this transaction ends: the write makes others wait for what we decide."""
    upsert(tx, account_slots, {"account_id": account_id}, {"free_at": now}, {"account_id": account_id})
    return Slot(
        *tx.execute(select(SLOT.free_at, SLOT.post_id, SLOT.attempt).where(SLOT.account_id == account_id)).one()
    )


def take_turn(tx: Connection, post: Post, now: datetime, free_at: datetime, *, counted: bool) -> None:
    """This post's turn is now, the next one's at `free_at`. `counted` turns are kept for the daily cap. What the post
    said of having been moved is over."""
    account_id = post.social_account_id
    values = {"free_at": free_at, "post_id": post.id, "attempt": post.attempt}
    tx.execute(update(account_slots).where(SLOT.account_id == account_id).values(values))
    if counted:
        upsert(tx, account_turns, {"account_id": account_id, "post_id": post.id}, {"at": now}, {"at": now})
    moved = (P.id == post.id, P.generation == post.generation, sa.text(PACED))
    tx.execute(update(posts).where(*moved).values(error_code=None, error_message=None))


def waiting(tx: Connection, post: Post, since: datetime) -> list[datetime]:
    """When those posts of the account are due that were moved and promised no later than this one; overdue ones since
    `since` only, for a lost alarm must not hold up the rest."""
    assert post.scheduled_at is not None
    others = (
        P.social_account_id == post.social_account_id,
        sa.text(PACED),
        P.next_attempt_at > since,
        P.id != post.id,
        P.scheduled_at <= post.scheduled_at,
    )
    latest = select(P.next_attempt_at).where(*others).order_by(P.next_attempt_at.desc()).limit(MOST_WAITING)
    return list(tx.execute(latest).scalars())


def turns(tx: Connection, post: Post, since: datetime, pending_since: datetime, limit: int) -> list[datetime]:
    """The account's latest `limit` turns since `since` that count: of other posts, one each however often tried, that
    are out or may be out, or whose claim is just to come since `pending_since`. A try that never left or that n8n
    refused does not count."""
    maybe_out = sa.or_(A.outcome.is_(None), A.outcome.not_in(KNOWN_NOT_OUT))
    went_out = sa.exists().where(A.post_id == TURN.post_id, A.sent_at > since, maybe_out)
    was_tried = sa.exists().where(A.post_id == TURN.post_id, A.started_at >= TURN.at)
    counted = sa.or_(went_out, sa.and_(TURN.at > pending_since, ~was_tried))
    where = (TURN.account_id == post.social_account_id, TURN.at > since, TURN.post_id != post.id, counted)
    return list(tx.execute(select(TURN.at).where(*where).order_by(TURN.at.desc()).limit(limit)).scalars())


def prune_turns(tx: Connection, before: datetime, limit: int) -> int:
    """Forget turns that count no more, at most `limit`; one that is taken anew meanwhile stays."""
    old = select(TURN.account_id, TURN.post_id).where(TURN.at < before).order_by(TURN.at).limit(limit)
    both = sa.tuple_(TURN.account_id, TURN.post_id)
    return tx.execute(delete(account_turns).where(both.in_(old), TURN.at < before)).rowcount
