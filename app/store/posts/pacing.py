"""The pacing of accounts: slots, waiting posts, and the turns of the last day.

Invariant: one transaction at a time holds an account's slot, and the next one sees its result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select, update

from app.domain.outcomes import KNOWN_NOT_OUT
from app.domain.post import Post
from app.store.engine import upsert
from app.store.row_locks import take_unlocked
from app.store.schema.tables import PACED, account_slots, account_turns, attempts, posts

SLOT, TURN, P, A = account_slots.c, account_turns.c, posts.c, attempts.c
MAX_WAITING = 1_000  # waiting posts read per decision, the latest first, because they mark the end of the queue


@dataclass(frozen=True, slots=True)
class Slot:
    """An account's slot, free from `free_at` on.

    The last turn was of `post_id`, for its next attempt after `attempt`. Both are None before the first turn.
    """

    free_at: datetime
    post_id: str | None
    attempt: int | None


def lock_slot(tx: Connection, account_id: str, now: datetime) -> Slot:
    """Lock and return the account's slot until this transaction ends.

    A missing row is created, free from now on. The write makes concurrent transactions wait for the decision.
    """
    upsert(tx, account_slots, {"account_id": account_id}, {"free_at": now}, {"account_id": account_id})
    return Slot(
        *tx.execute(select(SLOT.free_at, SLOT.post_id, SLOT.attempt).where(SLOT.account_id == account_id)).one()
    )


def take_turn(tx: Connection, post: Post, now: datetime, free_at: datetime, *, counted: bool) -> None:
    """Give this post its turn now. The next turn is at `free_at`.

    `counted` turns are kept for the daily cap. The post's note of having been moved is cleared.
    """
    account_id = post.social_account_id
    values = {"free_at": free_at, "post_id": post.id, "attempt": post.attempt}
    tx.execute(update(account_slots).where(SLOT.account_id == account_id).values(values))
    if counted:
        upsert(tx, account_turns, {"account_id": account_id, "post_id": post.id}, {"at": now}, {"at": now})
    moved = (P.id == post.id, P.generation == post.generation, sa.text(PACED))
    tx.execute(update(posts).where(*moved).values(error_code=None, error_message=None))


def waiting(tx: Connection, post: Post, since: datetime) -> list[datetime]:
    """Return the due instants of the account's waiting posts promised no later than this one.

    A waiting post is one moved by pacing. Posts due before `since` are left out, so a lost alarm does not block the
    queue.
    """
    assert post.scheduled_at is not None
    others = (
        P.social_account_id == post.social_account_id,
        sa.text(PACED),
        P.next_attempt_at > since,
        P.id != post.id,
        P.scheduled_at <= post.scheduled_at,
    )
    latest = select(P.next_attempt_at).where(*others).order_by(P.next_attempt_at.desc()).limit(MAX_WAITING)
    return list(tx.execute(latest).scalars())


def turns(tx: Connection, post: Post, since: datetime, pending_since: datetime, limit: int) -> list[datetime]:
    """Return the account's latest counted turns since `since`, at most `limit`.

    Each other post counts once, if it is out or may be out, or if its turn came after `pending_since` and its claim is
    still to come. A try that was never sent, or was refused by n8n, does not count.
    """
    maybe_out = sa.or_(A.outcome.is_(None), A.outcome.not_in(KNOWN_NOT_OUT))
    went_out = sa.exists().where(A.post_id == TURN.post_id, A.sent_at > since, maybe_out)
    was_tried = sa.exists().where(A.post_id == TURN.post_id, A.started_at >= TURN.at)
    counted = sa.or_(went_out, sa.and_(TURN.at > pending_since, ~was_tried))
    where = (TURN.account_id == post.social_account_id, TURN.at > since, TURN.post_id != post.id, counted)
    return list(tx.execute(select(TURN.at).where(*where).order_by(TURN.at.desc()).limit(limit)).scalars())


def prune_turns(tx: Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` turns older than `before`. A turn renewed meanwhile stays. Returns the count."""
    old = select(TURN.account_id, TURN.post_id).where(TURN.at < before).order_by(TURN.at).limit(limit)
    both = sa.tuple_(TURN.account_id, TURN.post_id)
    return tx.execute(delete(account_turns).where(both.in_(take_unlocked(tx, old)), TURN.at < before)).rowcount
