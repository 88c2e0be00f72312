"""Postpone a delivery: re-arm it, defer it, release it. Every end of a delivery without a send is here.

Invariant: nothing was tried, so neither the promise nor the retry budget changes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.alarms import is_armed, lead_seconds
from app.deps import Deps
from app.domain.delivery import DeliveredMessage, Dispatched
from app.domain.explanations import SENTENCES
from app.domain.keys import alarm_second, clock_lag, next_alarm_second, second_not_before
from app.domain.post import Post
from app.log import emit
from app.store.accounts import accounts
from app.store.engine import Connection
from app.store.posts import arming, queries, transitions

ACCOUNT_HOLD = timedelta(minutes=15)  # between two looks at a post whose account must be reconnected
MAX_DEFERRAL = timedelta(minutes=5)  # of a post that waits for the breaker
SPREAD = 0.2  # deferred posts come back spread over this part of their wait, not all together
PAUSED = "sending_paused"
MAX_REARMS = 8  # for one due instant. After them the sweep arms the post


def rearm(
    deps: Deps, post: Post, message: DeliveredMessage, *, exact: bool, lag: timedelta | None = None
) -> Dispatched:
    """Set a new alarm for a delivery without a seat, or too early to wait for.

    Do nothing if an alarm other than the delivered one is pending, so duplicate deliveries do not multiply. `exact`
    alarms come ahead of the instant, others at the first second that needs no waiting. `lag` is how far our clock is
    behind the true one, by default by the signed instant of the delivery.
    """
    if message.id is not None and post.message_id not in (None, message.id):
        return Dispatched("early", "armed_already")
    if post.rearm_count >= MAX_REARMS:
        return _leave_to_sweep(deps, post, message)
    unchanged = transitions.unchanged(post)
    with deps.db.transaction() as tx:
        counted = arming.count_arming(tx, [post.id], unchanged, now=deps.clock.now(), swept=False, rearmed=True)
    if not counted:
        return Dispatched("early", "changed")
    lag = clock_lag(message.signed_at, deps.clock.now()) if lag is None else lag
    return Dispatched("early", "armed_again", is_armed(deps, counted[0], second=_second(deps, post, lag, exact)))


def rearm_by_database(deps: Deps, post: Post, message: DeliveredMessage, left: timedelta) -> Dispatched:
    """Set a new alarm for a post due by our clock, and due in `left` by the database's. That clock counts as true.

    In poll mode the post is due, so the next poll takes it.
    """
    assert post.next_attempt_at is not None  # a CHECK constraint holds this while scheduled
    ahead = deps.clock.now() + left - post.next_attempt_at
    emit("post.early_by_database", post_id=post.id, generation=post.generation, ahead=round(ahead.total_seconds(), 3))
    if deps.messages is None:
        return Dispatched("early", "database_clock")
    return rearm(deps, post, message, exact=True, lag=-ahead)


def _leave_to_sweep(deps: Deps, post: Post, message: DeliveredMessage) -> Dispatched:
    """Acknowledge a delivery without a new alarm: too many came early. The sweep finds the post unarmed."""
    emit("post.rearm_limit", post_id=post.id, generation=post.generation, rearmed=post.rearm_count)
    if message.id is not None:
        with deps.db.transaction() as tx:
            arming.forget_message(tx, post.id, message.id)
    return Dispatched("early", "left_to_sweep")


def leave_paused(deps: Deps, post: Post, message: DeliveredMessage) -> Dispatched:
    """Leave a due post to the first sweep after the pause. No alarm is set, so a long pause costs no messages.

    The timeline tells of the pause, once for each delivered message.
    """
    is_other = post.message_id not in (None, message.id)
    if message.id is None or is_other or post.next_attempt_at is None:
        return Dispatched("retry_scheduled", PAUSED)
    with deps.db.transaction() as tx:
        defer_in(tx, post, at=post.next_attempt_at, code=PAUSED, now=deps.clock.now(), reason=PAUSED)
    return Dispatched("retry_scheduled", PAUSED)


def _second(deps: Deps, post: Post, lag: timedelta, exact: bool) -> int:
    """Return the second of the next alarm, by the message service's clock where ours is behind it by `lag`.

    A second that has passed on either clock would bring the message at once, too early again. Where our clock is ahead
    (a negative `lag`), the instant is true and only the present is corrected.
    """
    assert post.next_attempt_at is not None  # a CHECK constraint holds this while scheduled
    due = post.next_attempt_at + max(lag, timedelta(0))
    wanted = alarm_second(due, lead_seconds(deps)) if exact else second_not_before(due)
    return next_alarm_second(wanted, deps.clock.now() + lag, post.rearm_count)


def defer(deps: Deps, post: Post, message: DeliveredMessage, at: datetime, reason: str, code: str) -> Dispatched:
    """Move the next attempt of a scheduled post to `at`, never before its due instant.

    `code` explains it to the author.
    """
    at = max(at, post.next_attempt_at or at)
    with deps.db.transaction() as tx:
        deferred = defer_in(tx, post, at=at, code=code, now=deps.clock.now(), reason=reason)
    return after_deferral(deps, deferred, message, reason)


def defer_in(tx: Connection, post: Post, *, at: datetime, code: str, now: datetime, reason: str) -> Post | None:
    """Do the same within the caller's transaction. Return None if the post has changed since it was read."""
    return transitions.defer(tx, post, at=at, code=code, message=SENTENCES[code], now=now, reason=reason)


def deferral_since(deps: Deps, since: datetime, now: datetime) -> timedelta:
    """Return half the time that a cause has lasted, within bounds, spread at random."""
    least = timedelta(seconds=deps.settings.breaker_cooldown_seconds)
    return min(max((now - since) / 2, least), MAX_DEFERRAL) * (1 + SPREAD * deps.random())


def after_deferral(deps: Deps, deferred: Post | None, message: DeliveredMessage, reason: str) -> Dispatched:
    """Arm a post after its committed deferral, and return the result of its delivery."""
    if deferred is None:
        return Dispatched("ignored", "changed")
    second = _second(deps, deferred, clock_lag(message.signed_at, deps.clock.now()), exact=True)
    return Dispatched("retry_scheduled", reason, is_armed(deps, deferred, second=second))


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
