"""Every transition of a post, one function each: one guarded UPDATE whose row count decides who won.

The WHERE holds id, status and generation, and to finish the attempt too, so that a stale worker never changes a row.
The `transitions` row is written in the same transaction. Each returns the post as it now is, or None: lost the race.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, insert, update

from app.domain.lifecycle import EDITABLE, SCHEDULABLE, Status
from app.domain.post import Post
from app.store.execute_for_rows import execute_for_rows
from app.store.posts import claim_sql
from app.store.posts.claim_sql import Intent
from app.store.posts.transition_sql import INCREMENT, Condition, matches, move, to_post, transition
from app.store.schema.tables import attempts, posts, status_unindexed, transitions


def _not_due() -> dict[str, Any]:
    return {"next_attempt_at": None, "message_id": None, "swept_at": None}


def create(tx: Connection, values: dict[str, Any], *, now: datetime, actor: str) -> Post:
    """A new draft."""
    counters = dict.fromkeys(("generation", "attempt", "retry_count", "arm_count"), 0)
    values = values | counters | {"status": Status.DRAFT, "created_at": now, "updated_at": now}
    post = to_post(tx.execute(insert(posts).values(values).returning(posts)).one())
    tx.execute(insert(transitions), transition(post, None, "created", actor, now))
    return post


def edit(tx: Connection, post: Post, values: dict[str, Any], *, now: datetime) -> Post | None:
    """New content or media; the time, the message and the generation stay. The claim returns what it claimed, so an
    edit that was answered is either in the send or came too late and is refused."""
    if post.status not in EDITABLE:
        return None
    statement = update(posts).where(*matches(post)).values(**values, updated_at=now).returning(posts)
    row = tx.execute(statement).one_or_none()
    return to_post(row) if row else None


def schedule(
    tx: Connection, post: Post, *, at: datetime, time_zone: str | None, account_id: str, now: datetime, actor: str
) -> Post | None:
    """draft, scheduled, failed → scheduled: a new intent, so a new generation and a fresh budget."""
    if post.status not in SCHEDULABLE:
        return None
    values = {"scheduled_at": at, "time_zone": time_zone, "social_account_id": account_id}
    values = {**values, **_due(at), **_new_intent()}
    reason = "rescheduled" if post.status is Status.SCHEDULED else "scheduled"
    return move(tx, post, Status.SCHEDULED, values, reason=reason, actor=actor, now=now)


def unschedule(tx: Connection, post: Post, *, now: datetime, actor: str) -> Post | None:
    """scheduled → draft. The pending message now carries an old generation."""
    values = {"scheduled_at": None, "time_zone": None, **_not_due(), **_new_intent()}
    return move(tx, post, Status.DRAFT, values, reason="unscheduled", actor=actor, now=now)


def cancel(tx: Connection, post: Post, *, now: datetime, actor: str) -> Post | None:
    """draft, scheduled, failed → cancelled, for good."""
    return move(tx, post, Status.CANCELLED, {**_not_due(), **_new_intent()}, reason="cancelled", actor=actor, now=now)


def retry_by_hand(tx: Connection, post: Post, *, now: datetime, actor: str) -> Post | None:
    """failed, or publishing past its lease → scheduled for now, with a fresh budget; the promise stays what it was."""
    values = {**_due(now), **_left_hands(), **_new_intent()}
    return move(tx, post, Status.SCHEDULED, values, _abandoned(now), reason="retried_by_hand", actor=actor, now=now)


def fail_by_hand(tx: Connection, post: Post, *, message: str, now: datetime, actor: str) -> Post | None:
    """publishing past its lease → failed."""
    values = {**_left_hands(), **_new_intent(), "error_code": "failed_by_hand", "error_message": message}
    return move(tx, post, Status.FAILED, values, _abandoned(now), reason="failed_by_hand", actor=actor, now=now)


def claim(tx: Connection, intents: Sequence[Intent], *, now: datetime, lease_until: datetime) -> dict[int, Post]:
    """scheduled → publishing, never before the due instant, for each that still has the intent and the account that it
    was made ready with. The attempts' rows are written with it. Returns the posts that were won by the place of the
    intent that won them: of several for one post at most one does."""
    wanted = [claim_sql.as_given(place, intent) for place, intent in enumerate(intents)]
    rows = execute_for_rows(tx, claim_sql.build, claim_sql.TYPES, wanted, {"now": now, "lease": lease_until})
    won = {row.place: to_post(row) for row in rows}
    if rows and tx.dialect.name == "sqlite":  # PostgreSQL's statement has done it
        trail = [transition(won[row.place], Status.SCHEDULED, "claimed", row.trigger, now) for row in rows]
        tx.execute(insert(transitions), trail)
        tx.execute(insert(attempts), [claim_sql.begun(row, now) for row in rows])
    return won


_HOLDING = (("id", posts.c.id.type), ("generation", sa.Integer()), ("attempt", sa.Integer()))


def _extend(held: Any, _many: bool) -> sa.Executable:
    return (
        update(posts)
        .where(posts.c.id == held.id, posts.c.generation == held.generation, posts.c.attempt == held.attempt)
        .where(status_unindexed(Status.PUBLISHING))
        .values(lease_until=sa.bindparam("lease"), updated_at=claim_sql.NOW)
        .returning(posts.c.id)
    )


def extend_leases(tx: Connection, group: Sequence[Post], *, lease_until: datetime, now: datetime) -> set[str]:
    """n8n has accepted: each stays publishing until its report comes or this lease ends. Returns whose still are."""
    held = [{"id": post.id, "generation": post.generation, "attempt": post.attempt} for post in group]
    return {row.id for row in execute_for_rows(tx, _extend, _HOLDING, held, {"now": now, "lease": lease_until})}


def publish(
    tx: Connection, post: Post, *, attempt: int, external_id: str | None, url: str | None, now: datetime, reason: str
) -> Post | None:
    """Any status but the final ones → published. Late truth wins, so `attempt` may be an earlier one than the row's."""
    this_one = (attempts.c.post_id == post.id, attempts.c.attempt == attempt)
    values = {
        **_not_due(),
        **_left_hands(),
        "scheduled_at": sa.func.coalesce(
            posts.c.scheduled_at, sa.select(attempts.c.sent_at).where(*this_one).scalar_subquery()
        ),
        "published_at": now,
        "external_post_id": external_id,
        "external_url": url,
        "error_code": None,
        "error_message": None,
    }
    published = move(tx, post, Status.PUBLISHED, values, reason=reason, actor="publisher", now=now)
    if published is None:
        return None
    # A statement of its own: the one above may have waited for our own settle, and would read what was before it.
    lateness = sa.select(attempts.c.lateness_ms).where(*this_one).scalar_subquery()
    measured = update(posts).where(posts.c.id == post.id).values(lateness_ms=lateness).returning(posts)
    return to_post(tx.execute(measured).one())


def retry(
    tx: Connection,
    post: Post,
    *,
    at: datetime,
    counted: bool,
    code: str | None,
    message: str | None,
    now: datetime,
    reason: str = "retry",
) -> Post | None:
    """publishing → scheduled for another try at `at`; `counted` tries spend the budget."""
    if post.status is not Status.PUBLISHING:
        return None
    values = {
        **_due(at),
        **_left_hands(),
        **_spent(counted),
        "error_code": code,
        "error_message": message,
    }
    return move(tx, post, Status.SCHEDULED, values, reason=reason, actor="punctual", now=now)


def fail(
    tx: Connection, post: Post, *, code: str, message: str | None, counted: bool, now: datetime, reason: str
) -> Post | None:
    """publishing → failed, with a code and a sentence for the author."""
    values = {
        **_left_hands(),
        **_spent(counted),
        "error_code": code,
        "error_message": message,
    }
    return move(tx, post, Status.FAILED, values, reason=reason, actor="punctual", now=now)


def defer(
    tx: Connection, post: Post, *, at: datetime, code: str | None, message: str | None, now: datetime, reason: str
) -> Post | None:
    """scheduled → scheduled, later, at no cost: nothing was tried. The promise and the budget stay."""
    if post.status is not Status.SCHEDULED:
        return None
    values = {**_due(at), "error_code": code, "error_message": message}
    same_due = posts.c.next_attempt_at == post.next_attempt_at
    return move(tx, post, Status.SCHEDULED, values, [same_due], reason=reason, actor="punctual", now=now)


def _due(at: datetime) -> dict[str, Any]:
    """Scheduled for `at`, unarmed, about to be armed."""
    return {"next_attempt_at": at, "arm_count": INCREMENT, "message_id": None, "swept_at": None}


def _left_hands() -> dict[str, Any]:
    return {"lease_until": None, "sending_at": None}


def _spent(counted: bool) -> dict[str, Any]:
    return {"retry_count": INCREMENT} if counted else {}


def _new_intent() -> dict[str, Any]:
    """What a deliberate act of the author resets."""
    return {"generation": INCREMENT, "retry_count": 0, "error_code": None, "error_message": None}


def unchanged(post: Post) -> Condition:
    """The row still stands as it was read, arming included."""
    return sa.and_(*matches(post), posts.c.arm_count == post.arm_count)


def _abandoned(now: datetime) -> list[Condition]:
    """Failed, or publishing with the lease over: nobody holds it."""
    return [sa.or_(posts.c.status == Status.FAILED, posts.c.lease_until < now)]
