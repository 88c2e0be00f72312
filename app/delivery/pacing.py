"""An account's turns: the spacing of its posts and its daily cap, kept by moving what is due, never by dropping it.

Promise: however many deliver at once, turns are at least the spacing apart and the cap holds in any 24 hours. A turn is
taken at the instant; one whose claim is lost to another costs the account at most one spacing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from app.alarms import arm
from app.delivery.settle import Dispatched
from app.deps import Deps
from app.domain.explanations import SENTENCES
from app.domain.lifecycle import Status
from app.domain.pacing import CAPPED, SPACED, WINDOW, Pace, next_turn, pace_of
from app.domain.post import Post
from app.store.engine import Connection
from app.store.posts import pacing, queries, transitions

SHORT_WAIT = timedelta(seconds=2)  # worth standing at the door for; longer ones come back by a new alarm
TRIES = 3
CLAIM_FOLLOWS_WITHIN = timedelta(seconds=60)
MOVED = (SPACED, CAPPED)


def is_paced(deps: Deps) -> bool:
    return _pace(deps) is not None


def moved_to(post: Post) -> datetime | None:
    """When a post that was moved for its account's pace is due: its lateness is not counted from before that."""
    return post.next_attempt_at if post.error_code in MOVED else None


def take_turn(deps: Deps, post: Post, wait: Callable[[datetime], bool]) -> Dispatched | None:
    """None when it is the due post's turn, else what became of the delivery: the post was moved. `wait` sleeps until an
    instant, and says False where there is no room to."""
    pace = _pace(deps)
    if pace is None:
        return None
    has_room = True
    for tries_left in reversed(range(TRIES)):
        with deps.db.transaction() as tx:
            decided = _decide(deps, tx, post, pace, may_wait=has_room and tries_left > 0)
        if not isinstance(decided, datetime):
            break
        has_room = wait(decided)
    assert not isinstance(decided, datetime)  # the last try does not ask to wait
    if isinstance(decided, Post):
        arm(deps, decided)
        return Dispatched("retry_scheduled", decided.error_code)
    return decided


def _decide(
    deps: Deps, tx: Connection, post: Post, pace: Pace, *, may_wait: bool
) -> Dispatched | Post | datetime | None:
    """With the account's row in hand: None takes the turn, an instant is worth waiting for, a Post was moved."""
    now = deps.clock.now()
    assert post.social_account_id is not None  # it is ready to be sent through an account
    slot = pacing.take_row(tx, post.social_account_id, now)
    if not _is_as_read(post, queries.post_by_id(tx, post.id)):
        return Dispatched("ignored", "changed")
    # A second delivery of the post whose turn it is: the claim decides between them, and none may be moved.
    is_own = (slot.post_id, slot.attempt) == (post.id, post.attempt)
    free_at = now if is_own else max(now, slot.free_at)
    waiting = pacing.waiting(tx, post, now - pace.spacing)
    sent = pacing.turns(tx, post, now - WINDOW, now - CLAIM_FOLLOWS_WITHIN, pace.cap) if pace.cap else []
    has_waited = is_own or post.error_code in MOVED
    at, _ = next_turn(free_at, [] if has_waited else waiting, sent, pace)
    if at <= now:
        pacing.take_turn(tx, post, now, now + pace.spacing, counted=pace.cap is not None)
        return None
    if may_wait and at - now <= SHORT_WAIT:
        return at
    at, code = next_turn(free_at, waiting, sent, pace)
    moved = transitions.defer(tx, post, at=at, code=code, message=SENTENCES[code], now=now, reason=code)
    return moved or Dispatched("ignored", "changed")


def _is_as_read(post: Post, now: Post | None) -> bool:
    return (
        now is not None
        and now.status is Status.SCHEDULED
        and (now.generation, now.attempt, now.next_attempt_at) == (post.generation, post.attempt, post.next_attempt_at)
    )


def _pace(deps: Deps) -> Pace | None:
    return pace_of(deps.settings.account_spacing_seconds, deps.settings.account_daily_cap)
