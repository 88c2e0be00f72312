"""Dispatch: handle one delivery of a post, from any source. Admit it, prepare it, pass it through the gate.

Invariant: never before the due instant, never for an old generation, at most one send per claim.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.alarms import lead_seconds
from app.delivery.postpone import leave_paused, rearm, rearm_by_database
from app.delivery.prepare import prepare
from app.delivery.seats import wait_for
from app.deps import Deps
from app.domain.delivery import DeliveredMessage, DeliveryResult, Dispatched, TurnedAway
from app.domain.keys import clock_lag, database_tolerance, longest_wait
from app.domain.lateness import lateness_ms
from app.domain.lifecycle import Status
from app.domain.post import Post, Trigger
from app.log import emit
from app.store.posts import queries

SWEPT_WAIT_SECONDS = 1.0  # for room in flight, of a sweep on Vercel


def dispatch(
    deps: Deps,
    post_id: str,
    generation: int,
    trigger: Trigger,
    message_id: str | None = None,
    signed_at: datetime | None = None,
    alarm_at: datetime | None = None,
) -> Dispatched:
    """Handle one delivery and return its result.

    `message_id` and `signed_at` are the delivered message's: its id, and its instant by the message service's clock.
    `alarm_at` is the second for which it was armed, None for another delivery of the same message.

    Raises: Unavailable where nothing was recorded, so that the delivery may come again.
    """
    message = DeliveredMessage(message_id, signed_at, deps.clock.now(), alarm_at)
    result = _dispatch(deps, post_id, generation, trigger, message)
    emit(
        "post.dispatch",
        post_id=post_id,
        generation=generation,
        trigger=trigger,
        status=result.status,
        reason=result.reason,
        alarm_late_ms=message.late_ms,
        waited_ms=lateness_ms(message.woken_at, deps.clock.now()) if message.woken_at else None,
    )
    return result


def _dispatch(
    deps: Deps,
    post_id: str,
    generation: int,
    trigger: Trigger,
    message: DeliveredMessage,
    *,
    check_media: bool = True,
    may_wait: bool = True,
) -> Dispatched:
    with deps.db.reading() as connection:
        found, account, circuits, is_paused = queries.delivery_of(connection, post_id, len(deps.publishers) or 1)
    post = _admit(found, generation)
    if isinstance(post, Dispatched):
        return post
    assert post.next_attempt_at is not None  # a CHECK constraint holds this while scheduled
    now = deps.clock.now()
    # By our clock the post must wait for its instant. By the later one of the two clocks that wait is short.
    longest = longest_wait(lead_seconds(deps)) + clock_lag(message.signed_at, now)
    if post.next_attempt_at - now > longest:
        return rearm(deps, post, message, exact=True)
    if is_paused:
        return leave_paused(deps, post, message)
    ready = prepare(deps, post, account, circuits, trigger, message, check_media=check_media)
    if isinstance(ready, Dispatched):
        return ready
    ready.message = message
    ready.claim_by = _claim_by(deps, message)
    if deps.database_clock:
        ready.tolerance = database_tolerance(message.signed_at, now)
    passed: DeliveryResult = deps.gate.deliver(deps, ready)
    if passed is TurnedAway.PAUSED:  # while the delivery waited for its instant
        return leave_paused(deps, post, message)
    if passed in (TurnedAway.NO_SEAT, TurnedAway.NO_ROOM):
        return rearm(deps, post, message, exact=False)
    if passed is TurnedAway.ACCOUNT_CHANGED:  # try again with the account as it is now
        return _dispatch(deps, post_id, generation, trigger, message)
    if passed is TurnedAway.POST_CHANGED:  # edited at its instant: another check of its media would make it late
        return _dispatch(deps, post_id, generation, trigger, message, check_media=False)
    if passed is TurnedAway.TOO_EARLY:
        left = ready.early_by or timedelta(0)
        if may_wait and left <= longest_wait(lead_seconds(deps)) and wait_for(deps, post, left):
            return _dispatch(deps, post_id, generation, trigger, message, may_wait=False)
        return rearm_by_database(deps, post, message, left)
    return passed


def _claim_by(deps: Deps, message: DeliveredMessage) -> datetime:
    """Return the latest instant for a claim, so that n8n can answer before the delivery's own request ends.

    A sweep on Vercel has no time left for a wait.
    """
    is_swept = message.id is None and deps.settings.vercel
    wait = SWEPT_WAIT_SECONDS if is_swept else deps.settings.room_wait_seconds
    return (message.woken_at or deps.clock.now()) + timedelta(seconds=wait)


def _admit(post: Post | None, generation: int) -> Post | Dispatched:
    """Return the post if it is scheduled and the delivery carries its generation, else the result `ignored`."""
    if post is None:
        return Dispatched("ignored", "unknown")
    if post.generation != generation:
        return Dispatched("ignored", "stale")
    if post.status is not Status.SCHEDULED:
        return Dispatched("ignored", "busy" if post.status is Status.PUBLISHING else post.status.value)
    return post
