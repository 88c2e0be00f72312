"""Postpone a delivery: re-arm it, defer it, release it. Every end of a delivery without a send is here.

Invariant: nothing was tried, so neither the promise nor the retry budget changes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.alarms import is_armed
from app.deps import Deps
from app.domain.delivery import Dispatched
from app.domain.explanations import SENTENCES
from app.domain.post import Post
from app.store.accounts import accounts
from app.store.engine import Connection
from app.store.posts import arming, queries, transitions

ACCOUNT_HOLD = timedelta(minutes=15)  # between two looks at a post whose account must be reconnected
MAX_DEFERRAL = timedelta(minutes=5)  # of a post that waits for the breaker
SPREAD = 0.2  # deferred posts come back spread over this part of their wait, not all together


def rearm(deps: Deps, post: Post, message_id: str | None, *, exact: bool) -> Dispatched:
    """Set a new alarm for a delivery without a seat, or too early to wait for.

    Do nothing if an alarm other than the delivered `message_id` is pending, so duplicate deliveries do not multiply.
    `exact` alarms come ahead of the instant, others at the first second that needs no waiting.
    """
    if message_id is not None and post.message_id not in (None, message_id):
        return Dispatched("early", "armed_already")
    unchanged = transitions.unchanged(post)
    with deps.db.transaction() as tx:
        counted = arming.count_arming(tx, [post.id], unchanged, now=deps.clock.now(), swept=False)
    if not counted:
        return Dispatched("early", "changed")
    return Dispatched("early", "armed_again", is_armed(deps, counted[0], exact=exact))


def defer(deps: Deps, post: Post, at: datetime, reason: str, code: str) -> Dispatched:
    """Move the next attempt of a scheduled post to `at`, never before its due instant.

    `code` explains it to the author.
    """
    at = max(at, post.next_attempt_at or at)
    with deps.db.transaction() as tx:
        deferred = defer_in(tx, post, at=at, code=code, now=deps.clock.now(), reason=reason)
    return after_deferral(deps, deferred, reason)


def defer_in(tx: Connection, post: Post, *, at: datetime, code: str, now: datetime, reason: str) -> Post | None:
    """Do the same within the caller's transaction. Return None if the post has changed since it was read."""
    return transitions.defer(tx, post, at=at, code=code, message=SENTENCES[code], now=now, reason=reason)


def after_deferral(deps: Deps, deferred: Post | None, reason: str) -> Dispatched:
    """Arm a post after its committed deferral, and return the result of its delivery."""
    if deferred is None:
        return Dispatched("ignored", "changed")
    return Dispatched("retry_scheduled", reason, is_armed(deps, deferred))


def release_held(tx: Connection, account_id: str, now: datetime) -> list[Post]:
    """Make the posts held for this account due again, now or at their promise. The caller arms them afterwards."""
    released = []
    for post_id in accounts.held_posts(tx, account_id):
        post = queries.post_by_id(tx, post_id)
        if post is None:
            continue
        at = max(now, post.scheduled_at) if post.scheduled_at is not None else now
        freed = transitions.defer(tx, post, at=at, code=None, message=None, now=now, reason="account_reconnected")
        if freed is not None:
            released.append(freed)
    return released
