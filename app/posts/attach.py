"""Attach a post to its copy on the platform: a person settles an unknown outcome as published.

Invariant: only a post with an attempt that may be out is attached, and never one in flight.
"""

from __future__ import annotations

from datetime import datetime

from app.alarms import disarm
from app.deps import Deps
from app.domain.errors import Conflict, invalid_field
from app.domain.lifecycle import FINAL, Status
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Attempt, Post
from app.domain.post_links import PostLink, read_link, read_post_id
from app.domain.reports import PLATFORM_CLOCK_TOLERANCE, SendWindow, created_at, publication
from app.domain.resend import may_be_out
from app.log import emit
from app.posts.changes import change_post
from app.posts.refusals import wrong_status
from app.store.engine import Connection
from app.store.posts import attempts, queries, transitions, twins


def attach(deps: Deps, user_id: str, post_id: str, url: str | None, external_id: str | None) -> Post:
    """Settle the post as published, as the copy at `url` or with this id. One of the two is given.

    Raises: NotFound, Forbidden, Unavailable, Conflict for an outcome that is known or still awaited, Invalid for
    another platform's link and for the copy of another post.
    """
    now = deps.clock.now()

    def change(tx: Connection, post: Post) -> Post | None:
        tries = _tries_that_may_be_out(tx, post, now)
        link = read_link(post.platform, url) if url is not None else read_post_id(post.platform, external_id or "")
        if twins.is_another_posts(tx, post, link.external_id, link.url):
            name = "url" if url is not None else "externalPostId"
            raise invalid_field(name, "copy_of_another_post", "Another post of this account is this one already.")
        return _publish(tx, post, tries, link, now, f"user:{user_id}")

    before, after = change_post(deps, user_id, post_id, change)
    disarm(deps, before.message_id)
    emit("post.attached", post_id=post_id, external_post_id=after.external_post_id)
    return after


def _tries_that_may_be_out(tx: Connection, post: Post, now: datetime) -> list[Attempt]:
    """Return the attempts with an unknown outcome.

    Raises: Conflict without one, and while the post is in flight.
    """
    is_in_flight = post.status is Status.PUBLISHING and (post.lease_until is None or post.lease_until >= now)
    if is_in_flight or post.status in FINAL:
        raise wrong_status(post)
    tries = [t for t in queries.attempts_of(tx, post.id) if may_be_out(t)] if post.attempt else []
    if not tries:
        raise Conflict("outcome_known", f"This post did not go out: it is {post.status}. Nothing to attach.")
    return tries


def _publish(
    tx: Connection, post: Post, tries: list[Attempt], link: PostLink, now: datetime, actor: str
) -> Post | None:
    """Write the post as published by the attempt that made the copy. Return None after a lost race."""
    created = created_at(link.external_id) if link.external_id else None
    attempt = _attempt_of(tries, created)
    sent_at = min((t.sent_at for t in tries if t.sent_at is not None), default=now)
    window = SendWindow(sent_at, now)
    # Only an id with its own instant tells when the post went out. Else the send is the best that is known.
    at = publication(link.external_id, window, now) if created is not None else min(attempt.sent_at or now, now)
    published = transitions.publish(
        tx,
        post,
        attempt=attempt.attempt,
        external_id=link.external_id,
        url=link.url,
        published_at=at,
        now=now,
        reason="attached",
        actor=actor,
        in_flight=False,
    )
    if published is not None:
        attempts.close(tx, post.id, attempt.attempt, Verdict(Outcome.PUBLISHED, external_id=link.external_id), now)
    return published


def _attempt_of(tries: list[Attempt], created: datetime | None) -> Attempt:
    """Return the last attempt sent before the copy was created, or the last one where that instant is unknown."""
    if created is not None:
        before = [t for t in tries if t.sent_at is not None and t.sent_at <= created + PLATFORM_CLOCK_TOLERANCE]
        return (before or tries)[-1]
    return tries[-1]
