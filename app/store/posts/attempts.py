"""The record of every try: when it was sent, how late, what came of it. Knowledge only grows: `published` stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, update

from app.domain.lifecycle import Status
from app.domain.outcomes import KNOWN_NOT_OUT, Outcome, Verdict
from app.domain.post import Attempt, Post
from app.store.execute_for_rows import Types, execute_for_rows
from app.store.schema.tables import attempts, posts, status_unindexed


def to_attempt(row: sa.Row[Any]) -> Attempt:
    return Attempt(**row._mapping)


def record_send(tx: Connection, post: Post, *, sent_at: datetime, http_status: int | None) -> None:
    """The measured instant of the send, in place of the claim's."""
    values = {"sent_at": sent_at, "lateness_ms": _lateness_ms(post, sent_at), "http_status": http_status}
    tx.execute(update(attempts).where(*_is(post.id, post.attempt)).values(values))


_SENT: Types = (
    ("id", posts.c.id.type),
    ("attempt", sa.Integer()),
    ("at", attempts.c.sent_at.type),
    ("late_ms", sa.Double()),
    ("http_status", sa.Integer()),
)


def _accept(sent: Any, _many: bool) -> sa.Executable:
    return (
        update(attempts)
        .where(attempts.c.post_id == sent.id, attempts.c.attempt == sent.attempt)
        .values(sent_at=sent.at, lateness_ms=sent.late_ms, http_status=sent.http_status)
        .values(outcome=sa.func.coalesce(attempts.c.outcome, Outcome.ACCEPTED.value))
        .returning(attempts.c.post_id)
    )


def accept(tx: Connection, group: Sequence[tuple[Post, datetime, int | None]]) -> None:
    """`record_send` and `close` for many that n8n accepted: (post, sent at, HTTP status) each."""
    sent = [
        {"id": post.id, "attempt": post.attempt, "at": at, "late_ms": _lateness_ms(post, at), "http_status": status}
        for post, at, status in group
    ]
    execute_for_rows(tx, _accept, _SENT, sent, {})


def correct_lateness(tx: Connection, post: Post, sent_at: datetime) -> None:
    """For a report that came before our own settle: the row takes the measured lateness too, if this very attempt is
    what was published, and not an earlier one after all."""
    this_one = sa.exists().where(*_is(post.id, post.attempt), attempts.c.outcome == Outcome.PUBLISHED)
    tx.execute(
        update(posts)
        .where(posts.c.id == post.id, status_unindexed(Status.PUBLISHED), this_one)
        .values(lateness_ms=_lateness_ms(post, sent_at))
    )


def _lateness_ms(post: Post, sent_at: datetime) -> float:
    assert post.scheduled_at is not None  # the CHECK keeps it once a post is claimed
    return round((sent_at - post.scheduled_at).total_seconds() * 1000, 3)


def close(tx: Connection, post_id: str, attempt: int, verdict: Verdict, now: datetime) -> bool:
    """Write what an attempt ended as. An `accepted` or `unknown` one may still be told; what is known is not unsaid,
    save by a report that the post is out."""
    open_ones = [attempts.c.outcome.is_(None), attempts.c.outcome.in_((Outcome.ACCEPTED, Outcome.UNKNOWN))]
    if verdict.outcome in (Outcome.PUBLISHED, Outcome.ALREADY_THERE):
        open_ones.append(attempts.c.outcome.in_(KNOWN_NOT_OUT))
    values: dict[str, Any] = {
        "outcome": verdict.outcome,
        "finished_at": None if verdict.outcome is Outcome.ACCEPTED else now,
        "error_code": verdict.code,
        "error": verdict.detail,
    }
    if verdict.http_status is not None:
        values["http_status"] = verdict.http_status
    if verdict.external_id is not None:
        values["external_post_id"] = verdict.external_id
    if verdict.outcome is Outcome.ACCEPTED:
        open_ones = open_ones[:1]  # our own 200 says less than a report that overtook it
    statement = update(attempts).where(*_is(post_id, attempt), sa.or_(*open_ones)).values(values)
    return tx.execute(statement).rowcount == 1


def grant(tx: Connection, post_id: str, attempt: int, *, now: datetime, lease_until: datetime) -> bool:
    """Once per attempt, and only while it is in hand: the lease moves first, which orders us with the sweep."""
    held = (
        posts.c.id == post_id,
        status_unindexed(Status.PUBLISHING),
        posts.c.attempt == attempt,
        posts.c.lease_until > now,
    )
    if tx.execute(update(posts).where(*held).values(lease_until=lease_until, updated_at=now)).rowcount != 1:
        return False
    asked = update(attempts).where(*_is(post_id, attempt), attempts.c.asked_at.is_(None)).values(asked_at=now)
    return tx.execute(asked).rowcount == 1


def _is(post_id: str, attempt: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return attempts.c.post_id == post_id, attempts.c.attempt == attempt
