"""Rows of `attempts`: the instant of each send, its lateness and its outcome.

Invariant: a known outcome is never replaced, except by a report that the post is out. `published` is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, update

from app.domain.lateness import lateness_ms
from app.domain.lifecycle import Status
from app.domain.outcomes import KNOWN_NOT_OUT, Outcome, Verdict
from app.domain.post import Attempt, Post
from app.store.events.outbox import record_unknown
from app.store.execute_for_rows import Types, execute_for_rows
from app.store.row_locks import unlocked
from app.store.schema.tables import attempts, posts, status_unindexed


def to_attempt(row: sa.Row[Any]) -> Attempt:
    return Attempt(**row._mapping)


def record_send(
    tx: Connection, post: Post, *, sent_at: datetime, accepted_at: datetime | None, http_status: int | None
) -> None:
    """Replace the claim's instant by the measured instant of the send, and write the instant of n8n's acceptance."""
    values: dict[str, Any] = {"sent_at": sent_at, "lateness_ms": _lateness_of(post, sent_at)}
    values |= {"accepted_at": accepted_at, "http_status": http_status}
    tx.execute(update(attempts).where(*_is(post.id, post.attempt)).values(values))


class AcceptedSend(NamedTuple):
    """One send that n8n accepted, with its instants."""

    post: Post
    sent_at: datetime
    accepted_at: datetime
    http_status: int | None


_SENT: Types = (
    ("id", posts.c.id.type),
    ("attempt", sa.Integer()),
    ("at", attempts.c.sent_at.type),
    ("accepted_at", attempts.c.accepted_at.type),
    ("late_ms", sa.Double()),
    ("http_status", sa.Integer()),
)


def _accept(sent: Any, many: bool) -> sa.Executable:
    accepted = (
        update(attempts)
        .where(attempts.c.post_id == sent.id, attempts.c.attempt == sent.attempt)
        .values(sent_at=sent.at, lateness_ms=sent.late_ms, http_status=sent.http_status)
        .values(accepted_at=sent.accepted_at)
        .values(outcome=sa.func.coalesce(attempts.c.outcome, Outcome.ACCEPTED.value))
        .returning(attempts.c.post_id)
    )
    if not many:
        return accepted
    key = (attempts.c.post_id, attempts.c.attempt)
    free = unlocked(attempts, sa.tuple_(*key).in_(sa.select(sent.id, sent.attempt)))
    return accepted.where(free.c.post_id == key[0], free.c.attempt == key[1])


def accept(tx: Connection, group: Sequence[AcceptedSend]) -> set[str]:
    """Record and close the accepted attempts of a group.

    It does the work of `record_send` and `close` in one statement. Returns the ids of their posts. Attempts held by
    another transaction are left out.
    """
    sent = [
        {
            "id": one.post.id,
            "attempt": one.post.attempt,
            "at": one.sent_at,
            "accepted_at": one.accepted_at,
            "late_ms": _lateness_of(one.post, one.sent_at),
            "http_status": one.http_status,
        }
        for one in group
    ]
    return {row.post_id for row in execute_for_rows(tx, _accept, _SENT, sent, {})}


def correct_lateness(tx: Connection, post: Post, sent_at: datetime) -> None:
    """Write the measured lateness to a post published before our own settle.

    The report came first and took the lateness from the claim. No-op if another attempt was the published one.
    """
    this_one = sa.exists().where(*_is(post.id, post.attempt), attempts.c.outcome == Outcome.PUBLISHED)
    tx.execute(
        update(posts)
        .where(posts.c.id == post.id, status_unindexed(Status.PUBLISHED), this_one)
        .values(lateness_ms=_lateness_of(post, sent_at))
    )


def _lateness_of(post: Post, sent_at: datetime) -> float:
    assert post.scheduled_at is not None  # a CHECK guarantees it for a claimed post
    return lateness_ms(post.scheduled_at, sent_at)


def close(
    tx: Connection, post_id: str, attempt: int, verdict: Verdict, now: datetime, *, reported: bool = False
) -> bool:
    """Write an attempt's outcome. Returns False if the attempt has a known outcome already.

    An `accepted` or `unknown` outcome may still change. A known one changes only to published or already there. A
    `reported` outcome comes from n8n's report, and the instant of the first report is kept.
    """
    replaceable = [attempts.c.outcome.is_(None), attempts.c.outcome.in_((Outcome.ACCEPTED, Outcome.UNKNOWN))]
    if verdict.outcome in (Outcome.PUBLISHED, Outcome.ALREADY_THERE):
        replaceable.append(attempts.c.outcome.in_(KNOWN_NOT_OUT))
    values: dict[str, Any] = {
        "outcome": verdict.outcome,
        "finished_at": None if verdict.outcome is Outcome.ACCEPTED else now,
        "error_code": verdict.code,
        "error": verdict.detail,
    }
    if verdict.http_status is not None:
        values["http_status"] = verdict.http_status
    if reported:
        values["reported_at"] = sa.func.coalesce(attempts.c.reported_at, now)
    if verdict.external_id is not None:
        values["external_post_id"] = verdict.external_id
    if verdict.outcome is Outcome.ACCEPTED:
        replaceable = replaceable[:1]  # a report may arrive before our own 200 and knows more
    statement = update(attempts).where(*_is(post_id, attempt), sa.or_(*replaceable)).values(values)
    closed = tx.execute(statement).rowcount == 1
    if closed and verdict.outcome is Outcome.UNKNOWN:
        record_unknown(tx, post_id, attempt, now)
    return closed


def account_connected_at(tx: Connection, post: Post) -> datetime | None:
    """Return the account's `connected_at` as kept by the post's latest attempt."""
    return tx.execute(sa.select(attempts.c.connected_at).where(*_is(post.id, post.attempt))).scalar_one_or_none()


def close_unsent(tx: Connection, post_id: str, attempt: int, verdict: Verdict, now: datetime) -> None:
    """Write the outcome of an attempt that was certainly not sent, and clear the instant of its send.

    It replaces every other outcome, such as `unknown` at the end of its lease, except a report that the post is out.
    """
    published = attempts.c.outcome.in_((Outcome.PUBLISHED, Outcome.ALREADY_THERE))
    values: dict[str, Any] = {"outcome": verdict.outcome, "finished_at": now, "sent_at": None, "lateness_ms": None}
    values |= {"error_code": verdict.code, "error": verdict.detail}
    still = (*_is(post_id, attempt), sa.or_(attempts.c.outcome.is_(None), ~published))
    tx.execute(update(attempts).where(*still).values(values))


def grant_execution_claim(tx: Connection, post_id: str, attempt: int, *, now: datetime, lease_until: datetime) -> bool:
    """Grant an n8n execution the right to publish, once per attempt and within the lease.

    Returns False if it is refused. The lease is extended first, so the row lock orders this with the sweep.
    """
    leased = (
        posts.c.id == post_id,
        status_unindexed(Status.PUBLISHING),
        posts.c.attempt == attempt,
        posts.c.lease_until > now,
    )
    if tx.execute(update(posts).where(*leased).values(lease_until=lease_until, updated_at=now)).rowcount != 1:
        return False
    asked = update(attempts).where(*_is(post_id, attempt), attempts.c.asked_at.is_(None)).values(asked_at=now)
    return tx.execute(asked).rowcount == 1


def _is(post_id: str, attempt: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return attempts.c.post_id == post_id, attempts.c.attempt == attempt
