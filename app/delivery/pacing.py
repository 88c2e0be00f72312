"""An account's pace: the spacing of its posts and its daily cap. Due posts are moved, never dropped.

Invariant: turns are at least the spacing apart and the cap holds in any 24 hours, however many processes deliver. A
turn is taken at the instant. A turn whose claim is lost costs the account at most one spacing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from app.delivery.postpone import after_deferral, defer_in
from app.deps import Deps
from app.domain.delivery import DeliveredMessage, Dispatched
from app.domain.lifecycle import Status
from app.domain.pacing import CAPPED, SPACED, WINDOW, Pace, next_turn, pace_of
from app.domain.post import Post
from app.store.engine import Connection
from app.store.posts import pacing, queries

MAX_WAIT = timedelta(seconds=2)  # for a turn. A longer wait becomes a new alarm
TRIES = 3
CLAIM_FOLLOWS_WITHIN = timedelta(seconds=60)
MOVED = (SPACED, CAPPED)


def is_paced(deps: Deps) -> bool:
    """Return True if a spacing or a daily cap is set."""
    return _pace(deps) is not None


def moved_to(post: Post) -> datetime | None:
    """Return the due instant if the account's pace has moved the post, else None."""
    return post.next_attempt_at if post.error_code in MOVED else None


def take_turn(deps: Deps, post: Post, message: DeliveredMessage, wait: Callable[[datetime], bool]) -> Dispatched | None:
    """Take the account's turn for a due post. Return None with the turn taken, else the result of the delivery.

    `wait` sleeps until an instant, or returns False where no seat is free.
    """
    pace = _pace(deps)
    if pace is None:
        return None
    has_seat = True
    for tries_left in reversed(range(TRIES)):
        with deps.db.transaction() as tx:
            decided = _decide(deps, tx, post, pace, may_wait=has_seat and tries_left > 0)
        if not isinstance(decided, datetime):
            break
        has_seat = wait(decided)
    assert not isinstance(decided, datetime)  # the last try may not wait
    if isinstance(decided, Post):
        assert decided.error_code is not None  # the code of the deferral
        return after_deferral(deps, decided, message, decided.error_code)
    return decided


def _decide(
    deps: Deps, tx: Connection, post: Post, pace: Pace, *, may_wait: bool
) -> Dispatched | Post | datetime | None:
    """Decide with the account's row locked: None takes the turn, an instant is worth waiting for, a Post was moved."""
    now = deps.clock.now()
    assert post.social_account_id is not None  # a prepared post has an account
    slot = pacing.lock_slot(tx, post.social_account_id, now)
    if not _is_unchanged(post, queries.post_by_id(tx, post.id)):
        return Dispatched("ignored", "changed")
    # Two deliveries of the post that has the turn: the claim decides between them, and neither may move the post.
    is_own = (slot.post_id, slot.attempt) == (post.id, post.attempt)
    # An instant further ahead than one spacing was written by a clock ahead of time.
    free_at = now if is_own else max(now, min(slot.free_at, now + pace.spacing))
    waiting = pacing.waiting(tx, post, now - pace.spacing)
    sent = pacing.turns(tx, post, now - WINDOW, now - CLAIM_FOLLOWS_WITHIN, pace.cap) if pace.cap else []
    sent = [min(at, now) for at in sent]  # a turn from the future was written by a clock ahead of time
    has_waited = is_own or post.error_code in MOVED
    at, _ = next_turn(free_at, [] if has_waited else waiting, sent, pace)
    if at <= now:
        pacing.take_turn(tx, post, now, now + pace.spacing, counted=pace.cap is not None)
        return None
    if may_wait and at - now <= MAX_WAIT:
        return at
    at, code = next_turn(free_at, waiting, sent, pace)
    return defer_in(tx, post, at=at, code=code, now=now, reason=code) or Dispatched("ignored", "changed")


def _is_unchanged(post: Post, now: Post | None) -> bool:
    """Return True if the row still has the generation, attempt and due instant of `post`."""
    return (
        now is not None
        and now.status is Status.SCHEDULED
        and (now.generation, now.attempt, now.next_attempt_at) == (post.generation, post.attempt, post.next_attempt_at)
    )


def _pace(deps: Deps) -> Pace | None:
    return pace_of(deps.settings.account_spacing_seconds, deps.settings.account_daily_cap)
