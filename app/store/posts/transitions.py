"""The transitions of a post: one function and one conditional UPDATE each. The row count decides a race.

Each function writes the `transitions` row in the same transaction. It returns the post after the transition, or None
after a lost race.
Invariant: a stale worker never changes a row. The WHERE holds id, status, generation and, to finish, the attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, insert, update

from app.domain.lifecycle import EDITABLE, SCHEDULABLE, Status
from app.domain.platforms import external_url
from app.domain.post import Post
from app.domain.warnings import content_hash
from app.store.execute_for_rows import execute_for_rows
from app.store.posts import claim_sql
from app.store.posts.claim_sql import Intent
from app.store.posts.transition_sql import INCREMENT, matches, move, to_post, transition_row
from app.store.schema.columns import Condition
from app.store.schema.tables import attempts, posts, transitions


def _hash_of(values: dict[str, Any]) -> dict[str, Any]:
    return {"content_hash": content_hash(values["content"])} if "content" in values else {}


def _not_due() -> dict[str, Any]:
    return {"next_attempt_at": None, "message_id": None, "swept_at": None}


def create(tx: Connection, values: dict[str, Any], *, now: datetime, actor: str) -> Post:
    """Insert a new draft."""
    counters = dict.fromkeys(("generation", "attempt", "retry_count", "arm_count"), 0)
    values = values | counters | _hash_of(values) | {"status": Status.DRAFT, "created_at": now, "updated_at": now}
    post = to_post(tx.execute(insert(posts).values(values).returning(posts)).one())
    tx.execute(insert(transitions), transition_row(post, from_status=None, reason="created", actor=actor, at=now))
    return post


def edit(tx: Connection, post: Post, values: dict[str, Any], *, now: datetime) -> Post | None:
    """Write new content or media. The time, the message and the generation stay.

    The claim returns the row as claimed, so each confirmed edit is in the send. An edit after the claim returns None.
    Every edit makes a later `updated_at`, the version of the row. It is later by what a caller sees: milliseconds.
    """
    if post.status not in EDITABLE:
        return None
    changed_at = max(now, post.updated_at + timedelta(milliseconds=1))
    this_version = posts.c.updated_at == post.updated_at
    values = values | _hash_of(values) | {"updated_at": changed_at}
    statement = update(posts).where(*matches(post), this_version).values(values).returning(posts)
    row = tx.execute(statement).one_or_none()
    return to_post(row) if row else None


def schedule(
    tx: Connection,
    post: Post,
    *,
    at: datetime,
    time_zone: str | None,
    account_id: str,
    now: datetime,
    actor: str,
    forced: bool = False,
) -> Post | None:
    """Move draft, scheduled or failed → scheduled, as a new generation with a fresh budget.

    `forced`: the author accepts a second copy of an attempt that may be out.
    """
    if post.status not in SCHEDULABLE:
        return None
    values: dict[str, Any] = {"scheduled_at": at, "time_zone": time_zone, "social_account_id": account_id}
    values |= {**_due(at), **_new_intent()}
    if post.content_hash is None:  # a row from before hashes
        values["content_hash"] = content_hash(post.content)
    reason = "rescheduled" if post.status is Status.SCHEDULED else "scheduled"
    reason = "scheduled_by_force" if forced else reason
    return move(tx, post, Status.SCHEDULED, values, reason=reason, actor=actor, now=now, same_version=True)


def unschedule(tx: Connection, post: Post, *, now: datetime, actor: str) -> Post | None:
    """Move scheduled → draft. The pending message now carries an old generation."""
    values = {"scheduled_at": None, "time_zone": None, **_not_due(), **_new_intent()}
    return move(tx, post, Status.DRAFT, values, reason="unscheduled", actor=actor, now=now)


def cancel(tx: Connection, post: Post, *, now: datetime, actor: str) -> Post | None:
    """Move draft, scheduled or failed → cancelled, a final status."""
    return move(tx, post, Status.CANCELLED, {**_not_due(), **_new_intent()}, reason="cancelled", actor=actor, now=now)


def retry_by_hand(tx: Connection, post: Post, *, now: datetime, actor: str, forced: bool = False) -> Post | None:
    """Move failed, or publishing past its lease → scheduled for now.

    The retry budget starts afresh. The promised instant stays. `forced` is as for `schedule`.
    """
    values = {**_due(now), **_lease_ended(), **_new_intent()}
    extra, reason = _abandoned(now), "retried_by_force" if forced else "retried_by_hand"
    return move(tx, post, Status.SCHEDULED, values, extra, reason=reason, actor=actor, now=now, same_version=True)


def fail_by_hand(tx: Connection, post: Post, *, message: str, now: datetime, actor: str) -> Post | None:
    """Move publishing past its lease → failed."""
    values = {**_lease_ended(), **_new_intent(), "error_code": "failed_by_hand", "error_message": message}
    return move(tx, post, Status.FAILED, values, _abandoned(now), reason="failed_by_hand", actor=actor, now=now)


def claim(
    tx: Connection, intents: Sequence[Intent], *, now: datetime, lease_until: datetime, skip_locked: bool = False
) -> dict[int, Post]:
    """Move scheduled → publishing, for each due post that still matches its intent.

    A post matches if its generation and its account are unchanged. The rows of `attempts` are written too. Returns the
    claimed posts by the index of their intent. Of several intents for one post, at most one wins. With `skip_locked`,
    posts held by another transaction are left out, and `leases.still_scheduled` finds them.
    """
    wanted = [claim_sql.intent_row(index, intent) for index, intent in enumerate(intents)]
    build = claim_sql.build_claim_of_unlocked if skip_locked else claim_sql.build_claim
    rows = execute_for_rows(tx, build, claim_sql.TYPES, wanted, {"now": now, "lease": lease_until})
    if rows and tx.dialect.name == "sqlite":  # PostgreSQL inserts them in the same statement
        line = partial(transition_row, from_status=Status.SCHEDULED, reason="claimed", at=now)
        tx.execute(insert(transitions), [line(row, actor=row.trigger) for row in rows])
        tx.execute(insert(attempts), [claim_sql.attempt_row(row, now) for row in rows])
    return {row.row_index: to_post(row) for row in rows}


def publish(
    tx: Connection,
    post: Post,
    *,
    attempt: int,
    external_id: str | None,
    published_at: datetime,
    now: datetime,
    reason: str,
    url: str | None = None,
    actor: str = "publisher",
    in_flight: bool = True,
) -> Post | None:
    """Move any status but the final ones → published.

    Late truth wins, so `attempt` may be an earlier one than the row's. `url` replaces the link of the id. Without
    `in_flight`, a post within its lease returns None.
    """
    this_attempt = (attempts.c.post_id == post.id, attempts.c.attempt == attempt)
    sent_at = sa.select(attempts.c.sent_at).where(*this_attempt).scalar_subquery()
    values = {
        **_not_due(),
        **_lease_ended(),
        "scheduled_at": sa.func.coalesce(posts.c.scheduled_at, sent_at),
        "published_at": published_at,
        "external_post_id": external_id,
        "external_url": url or external_url(post.platform, external_id),
        "error_code": None,
        "error_message": None,
    }
    extra = () if in_flight else [sa.or_(posts.c.lease_until.is_(None), posts.c.lease_until < now)]
    published = move(tx, post, Status.PUBLISHED, values, extra, reason=reason, actor=actor, now=now)
    if published is None:
        return None
    # A second statement: the first may have waited for our own settle and would read the lateness from before it.
    lateness = sa.select(attempts.c.lateness_ms).where(*this_attempt).scalar_subquery()
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
    same_lease: bool = False,
) -> Post | None:
    """Move publishing → scheduled for another try at `at`. A `counted` try spends the retry budget.

    With `same_lease`, a lease extended since the read returns None.
    """
    if post.status is not Status.PUBLISHING:
        return None
    values = {
        **_due(at),
        **_lease_ended(),
        **_spent(counted),
        "error_code": code,
        "error_message": message,
    }
    extra = _same_lease(post) if same_lease else ()
    return move(tx, post, Status.SCHEDULED, values, extra, reason=reason, actor="punctual", now=now)


def fail(
    tx: Connection,
    post: Post,
    *,
    code: str,
    message: str | None,
    counted: bool,
    now: datetime,
    reason: str,
    same_lease: bool = False,
) -> Post | None:
    """Move publishing → failed, with an error code and a message for the author.

    With `same_lease`, a lease extended since the read returns None.
    """
    if post.status is not Status.PUBLISHING:
        return None
    values = {
        **_lease_ended(),
        **_spent(counted),
        "error_code": code,
        "error_message": message,
    }
    extra = _same_lease(post) if same_lease else ()
    return move(tx, post, Status.FAILED, values, extra, reason=reason, actor="punctual", now=now)


def hold_after_restore(
    tx: Connection, post: Post, *, code: str, message: str, lost_armings: int, now: datetime
) -> Post | None:
    """Move scheduled or publishing → failed: the database went back in time, so the post may be out.

    A scheduled post gets a new attempt, the one that may have been lost. `lost_armings` keeps the deduplication ids of
    later alarms apart from those of the lost time.
    """
    if post.status not in (Status.SCHEDULED, Status.PUBLISHING):
        return None
    values = {**_not_due(), **_lease_ended(), "error_code": code, "error_message": message}
    values["arm_count"] = post.arm_count + lost_armings
    if post.status is Status.SCHEDULED:
        values["attempt"] = INCREMENT
    return move(tx, post, Status.FAILED, values, reason="held_after_restore", actor="punctual", now=now)


def defer(
    tx: Connection, post: Post, *, at: datetime, code: str | None, message: str | None, now: datetime, reason: str
) -> Post | None:
    """Move scheduled → scheduled at a later instant, without a try.

    The promised instant and the retry budget stay.
    """
    if post.status is not Status.SCHEDULED:
        return None
    values = {**_due(at), "error_code": code, "error_message": message}
    same_due = posts.c.next_attempt_at == post.next_attempt_at
    return move(tx, post, Status.SCHEDULED, values, [same_due], reason=reason, actor="punctual", now=now)


def _due(at: datetime) -> dict[str, Any]:
    """Return the values of a post due at `at` and not armed yet."""
    return {"next_attempt_at": at, "arm_count": INCREMENT, "rearm_count": 0, "message_id": None, "swept_at": None}


def _lease_ended() -> dict[str, Any]:
    return {"lease_until": None, "sending_at": None}


def _spent(counted: bool) -> dict[str, Any]:
    return {"retry_count": INCREMENT} if counted else {}


def _new_intent() -> dict[str, Any]:
    """Return the values that a deliberate act of the author resets."""
    return {"generation": INCREMENT, "retry_count": 0, "error_code": None, "error_message": None}


def unchanged(post: Post) -> Condition:
    """Return the condition that the row is unchanged since it was read, including its arming."""
    return sa.and_(*matches(post), posts.c.arm_count == post.arm_count)


def _same_lease(post: Post) -> list[Condition]:
    """Return the condition that no execution claim has extended the lease since it was read."""
    return [posts.c.lease_until == post.lease_until]


def _abandoned(now: datetime) -> list[Condition]:
    """Return the condition for failed posts and publishing posts past their lease."""
    return [sa.or_(posts.c.status == Status.FAILED, posts.c.lease_until < now)]
