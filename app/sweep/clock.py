"""Mend the instants that a clock ahead of time has written, once it is put right.

Invariant: a wrong clock delays nothing for longer than one sweep after its correction, and ends no lease.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.alarms import arm_batch
from app.domain.post import Post
from app.domain.times import CLOCK_TOLERANCE
from app.log import emit
from app.store.engine import Connection
from app.store.operations import alerts
from app.store.posts import future, transitions
from app.sweep.run import SweepRun


class _FrozenError(Exception):
    """This process stood still, so sound instants of others look as if they were in the future."""


def correct_future_instants(run: SweepRun) -> None:
    """Shorten leases, move retries and deferrals back, and set alerts to now, where they are in the future."""
    deps, now = run.deps, run.deps.clock.now()
    lease, limit = timedelta(seconds=deps.settings.publish_lease_seconds), deps.settings.sweep_batch_size
    with deps.db.reading() as connection:
        leased = future.too_long_leased(connection, now, lease, limit)
        ahead = future.moved_ahead(connection, now, limit)
        alerted = alerts.any_in_future(connection, now)
    if not (leased or ahead or alerted):
        return
    try:
        with deps.db.transaction() as tx:
            alerts.correct_future(tx, now)
            shortened = future.shorten_leases(tx, leased, now, lease)
            moved = [back for post in ahead if (back := _move_back(tx, post, now)) is not None]
            if deps.clock.now() - now > CLOCK_TOLERANCE / 2:
                raise _FrozenError()
    except _FrozenError:
        return
    arm_batch(deps, moved)
    emit("clock.corrected", leases=shortened, posts=len(moved))


def _move_back(tx: Connection, post: Post, now: datetime) -> Post | None:
    """Plan a retry or deferral with its delay from now on, never before the promise.

    Return None if the post has changed meanwhile.
    """
    assert post.next_attempt_at is not None  # a CHECK constraint holds this while scheduled
    at = max(now + max(post.next_attempt_at - post.updated_at, timedelta(0)), post.scheduled_at or now)
    code, message = post.error_code, post.error_message
    return transitions.defer(tx, post, at=at, code=code, message=message, now=now, reason="clock_corrected")
