"""Posts in doubt after the database went back in time. Writes no status: `transitions.hold_after_restore` does.

Invariant: every read is one page along an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select, update

from app.domain.lifecycle import Status
from app.domain.outcomes import Outcome
from app.domain.post import Post, Trigger
from app.domain.resend import HELD_AFTER_RESTORE
from app.store.paging import After, oldest_first
from app.store.posts.transition_sql import to_post
from app.store.schema.columns import Condition
from app.store.schema.tables import attempts, posts, status_unindexed

P = posts.c


def due(connection: Connection, until: datetime, limit: int, after: After | None) -> list[Post]:
    """Return a page of scheduled posts due by `until`, oldest first."""
    where = (P.status == Status.SCHEDULED, P.next_attempt_at <= until)
    return _page(connection, where, "next_attempt_at", limit, after)


def in_flight(connection: Connection, before: datetime | None, limit: int, after: After | None) -> list[Post]:
    """Return a page of publishing posts last changed before `before`, by the end of their lease."""
    where: tuple[Condition, ...] = (P.status == Status.PUBLISHING,)
    where += (P.updated_at < before,) if before is not None else ()
    return _page(connection, where, "lease_until", limit, after)


def due_later(connection: Connection, start: datetime, end: datetime, limit: int, after: After | None) -> list[Post]:
    """Return a page of scheduled posts due after `start` and before `end`, oldest first."""
    where = (P.status == Status.SCHEDULED, P.next_attempt_at > start, P.next_attempt_at < end)
    return _page(connection, where, "next_attempt_at", limit, after)


def _page(connection: Connection, where: Sequence[Condition], key: str, limit: int, after: After | None) -> list[Post]:
    statement = oldest_first(select(posts).where(*where), P[key], P.id, limit, after)
    return [to_post(row) for row in connection.execute(statement)]


def suspects(connection: Connection, before: datetime, limit: int) -> list[Post]:
    """Return the oldest overdue posts that are armed and that no sweep has touched."""
    where = (P.status == Status.SCHEDULED, P.next_attempt_at < before, P.swept_at.is_(None), P.message_id.is_not(None))
    statement = select(posts).where(*where).order_by(P.next_attempt_at, P.id).limit(limit)
    return [to_post(row) for row in connection.execute(statement)]


def record_lost_attempt(
    tx: Connection, before: Post, held: Post, *, since: datetime, trigger: Trigger, message: str, now: datetime
) -> None:
    """Record the attempt that may be out, with an unknown outcome.

    `before` and `held` are the post before and after its hold. The lost send is dated `since`, the earliest instant
    possible. A late report of the lost send finds this row.
    """
    values = {"outcome": Outcome.UNKNOWN, "error_code": HELD_AFTER_RESTORE, "error": message, "finished_at": now}
    if before.status is Status.SCHEDULED:
        key = {"post_id": held.id, "attempt": held.attempt, "generation": held.generation}
        tx.execute(insert(attempts).values(**key, **values, trigger=trigger, started_at=now, sent_at=since))
        return
    open_still = or_(attempts.c.outcome.is_(None), attempts.c.outcome.in_((Outcome.ACCEPTED, Outcome.UNKNOWN)))
    this_one = (attempts.c.post_id == held.id, attempts.c.attempt == held.attempt, open_still)
    sent_at = func.coalesce(attempts.c.sent_at, since)
    tx.execute(update(attempts).where(*this_one).values(**values, sent_at=sent_at))


def restart_arming(tx: Connection, ids: Sequence[str], lost_armings: int, now: datetime) -> list[Post]:
    """Forget the messages of these scheduled posts. Return the posts, which the caller must arm.

    Their arm counts pass all those of the lost time, so no deduplication id comes twice.
    """
    values = {"arm_count": P.arm_count + lost_armings, "rearm_count": 0, "message_id": None, "swept_at": None}
    where = (P.id.in_(ids), status_unindexed(Status.SCHEDULED), P.next_attempt_at > now)
    moved = update(posts).where(*where).values(**values, updated_at=now).returning(posts)
    return [to_post(row) for row in tx.execute(moved)]
