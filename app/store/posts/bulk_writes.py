"""Reads and writes of many posts for one caller: new rows, and transitions that the author orders.

Each write is one statement for any number of rows on PostgreSQL, with its rows of `transitions`.
Invariant: a row is changed only if it is the version that the caller has read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, insert, select, update

from app.domain.lifecycle import ALLOWED, Status
from app.domain.post import Attempt, Post
from app.domain.warnings import content_hash
from app.store.companies import access
from app.store.execute_for_rows import Types, execute_for_rows
from app.store.posts.attempts import to_attempt
from app.store.posts.transition_sql import NOW, insert_selected, to_post, transition_row
from app.store.row_locks import unlocked
from app.store.schema.tables import attempts, posts, status_unindexed, transitions

P = posts.c
_COLUMNS = tuple(P.keys())


def visible_posts(connection: Connection, user_id: str, ids: Iterable[str]) -> dict[str, Post]:
    """Return those of these posts that the user may read, by id."""
    statement = select(posts).where(P.id.in_(list(ids)), access.visible_posts(user_id))
    return {row.id: to_post(row) for row in connection.execute(statement)}


def attempts_of(connection: Connection, tried: Sequence[Post]) -> dict[str, list[Attempt]]:
    """Return the attempts of these posts by post id, oldest first."""
    found: dict[str, list[Attempt]] = {post.id: [] for post in tried}
    if tried:
        statement = select(attempts).where(attempts.c.post_id.in_(list(found))).order_by(attempts.c.attempt)
        for row in connection.execute(statement):
            found[row.post_id].append(to_attempt(row))
    return found


def insert_posts(tx: Connection, new: Sequence[Post], *, now: datetime, actor: str) -> None:
    """Insert new drafts, and posts created and scheduled in one call. A scheduled post has generation 1."""
    if not new:
        return
    tx.execute(insert(posts), [{name: getattr(post, name) for name in _COLUMNS} for post in new])
    lines = []
    for post in new:
        created = {"post_id": post.id, "at": now, "from_status": None, "to_status": Status.DRAFT, "actor": actor}
        created |= {"reason": "created", "generation": 0, "attempt": 0}
        lines.append(created)
        if post.status is Status.SCHEDULED:
            line = transition_row(post, from_status=Status.DRAFT, reason="scheduled", actor=actor, at=now)
            lines.append(line)
    tx.execute(insert(transitions), lines)


@dataclass(frozen=True, slots=True)
class Move:
    """One transition that an author orders: the post as read, and its new values.

    `due` is the instant of the next attempt, None for a status that has none.
    """

    post: Post
    to: Status
    reason: str
    scheduled_at: datetime | None
    time_zone: str | None
    account_id: str | None
    due: datetime | None


_TYPES: Types = (
    ("row_index", sa.Integer()),
    ("id", P.id.type),
    ("old_status", sa.String()),
    ("old_generation", sa.Integer()),
    ("old_attempt", sa.Integer()),
    ("old_version", P.updated_at.type),
    ("new_status", sa.String()),
    ("reason", sa.String()),
    ("scheduled_at", P.scheduled_at.type),
    ("time_zone", sa.String()),
    ("account_id", P.social_account_id.type),
    ("due", P.next_attempt_at.type),
    ("text_hash", sa.BigInteger()),
)
_ACTOR = sa.bindparam("actor", type_=sa.String())


def move_posts(tx: Connection, moves: Sequence[Move], *, now: datetime, actor: str) -> dict[str, Post]:
    """Move each post to its new status, as a new generation with a fresh budget.

    Returns the moved posts by id. Left out are posts changed since the read, and posts held by another transaction: a
    caller that waited for them could deadlock with another call for the same posts.
    """
    rows = [_input_row(index, move) for index, move in enumerate(moves) if move.to in ALLOWED[move.post.status]]
    if not rows:
        return {}
    found = execute_for_rows(tx, _build, _TYPES, rows, {"now": now, "actor": actor} if _many(tx) else {"now": now})
    if found and not _many(tx):  # PostgreSQL inserts them in the same statement
        line = [transition_row(r, from_status=r.old_status, reason=r.reason, actor=actor, at=now) for r in found]
        tx.execute(insert(transitions), line)
    return {row.id: to_post(row) for row in found}


def _many(tx: Connection) -> bool:
    return tx.dialect.name == "postgresql"


def _input_row(index: int, move: Move) -> dict[str, Any]:
    post = move.post
    row: dict[str, Any] = {"row_index": index, "id": post.id, "new_status": move.to.value, "reason": move.reason}
    row |= {"old_status": post.status.value, "old_generation": post.generation, "old_attempt": post.attempt}
    row |= {"scheduled_at": move.scheduled_at, "time_zone": move.time_zone, "account_id": move.account_id}
    row |= {"old_version": post.updated_at, "due": move.due, "text_hash": post.content_hash}
    if post.content_hash is None:  # a row from before hashes
        row["text_hash"] = content_hash(post.content)
    return row


def _build(row: Any, many: bool) -> sa.Executable:
    moved = (
        update(posts)
        .where(P.id == row.id, status_unindexed(row.old_status), P.updated_at == row.old_version)
        .where(P.generation == row.old_generation, P.attempt == row.old_attempt)
        .where(sa.or_(P.status != Status.PUBLISHING, P.lease_until < NOW))  # only an abandoned attempt
        .values(status=row.new_status, scheduled_at=row.scheduled_at, time_zone=row.time_zone, updated_at=NOW)
        .values(social_account_id=row.account_id, next_attempt_at=row.due, message_id=None, swept_at=None)
        .values(lease_until=None, sending_at=None, error_code=None, error_message=None, content_hash=row.text_hash)
        .values(generation=P.generation + 1, retry_count=0)
        .values(arm_count=P.arm_count + sa.case((row.due.is_not(None), 1), else_=0))
        .values(rearm_count=sa.case((row.due.is_not(None), 0), else_=P.rearm_count))
    )
    extra = (row.row_index.label("row_index"), row.old_status.label("old_status"), row.reason.label("reason"))
    if not many:
        return moved.returning(*P, *extra)
    free = unlocked(posts, P.id.in_(select(row.id)))
    changed = moved.where(free.c.id == P.id).returning(*P, *extra).cte("moved")
    line = transition_row(changed.c, from_status=changed.c.old_status, reason=changed.c.reason, actor=_ACTOR, at=NOW)
    return select(changed).add_cte(insert_selected(transitions, line, "recorded"))
