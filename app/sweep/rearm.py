"""Arm posts again after a change of the settings that their messages carry, such as PUBLIC_BASE_URL.

Invariant: a new message is accepted before the old one is cancelled, and running it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.alarms import arm_batch, disarm
from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.post import Post
from app.log import emit
from app.settings.armed_content import armed_content
from app.store.operations import armed_contents
from app.store.posts import arming, backlog
from app.sweep.run import fair_pages


@dataclass(slots=True)
class Rearmed:
    """The result of one run. `complete` is False while posts with other messages are left."""

    armed: int = 0
    refused: int = 0
    complete: bool = True


Progress = Callable[[Rearmed, datetime], None]


def notice_change(deps: Deps) -> bool:
    """Record the present content of messages. Return True while posts armed otherwise may be left.

    The first run of an installation records the content alone, because its messages are taken to fit.
    """
    fingerprint, now = armed_content(deps.settings), deps.clock.now()
    with deps.db.reading() as connection:
        known = armed_contents.read(connection)
    if known is not None and known.fingerprint == fingerprint:
        return known.rearmed_at is None
    with suppress(Unavailable), deps.db.transaction() as tx:  # the next sweep records it, and the posts know their own
        armed_contents.write(tx, fingerprint, changed_at=now, rearmed_at=None if known else now)
    if known is not None:
        emit("messages.outdated")
    return known is not None


def rearm(deps: Deps, in_time: Callable[[], bool], progress: Progress = lambda _done, _due: None) -> Rearmed:
    """Arm every post again whose message carries other content, fair by owner, until `in_time` returns False.

    A refused post is left unarmed, and the sweep arms it later. `progress` is called after each batch with the result
    until then and the batch's last due instant.

    Raises: Unavailable.
    """
    done = Rearmed()
    start = deps.clock.now() - timedelta(seconds=deps.settings.sweep_grace_seconds)
    outdated = backlog.armed_otherwise(armed_content(deps.settings), start)
    for batch in fair_pages(deps, outdated, in_time):
        counted, refused = _rearm_batch(deps, batch)
        done.armed, done.refused = done.armed + counted - refused, done.refused + refused
        progress(done, max(post.next_attempt_at for post in batch if post.next_attempt_at is not None))
        if counted and refused == counted:
            break  # the message service takes nothing, so the next sweep tries again
    with deps.db.reading() as connection:
        done.complete = not outdated.window(connection, 1)
    if done.complete:
        with deps.db.transaction() as tx:
            armed_contents.mark_rearmed(tx, armed_content(deps.settings), deps.clock.now())
    if done.armed or done.refused:
        emit("messages.rearmed", armed=done.armed, refused=done.refused, complete=done.complete)
    return done


def _rearm_batch(deps: Deps, batch: list[Post]) -> tuple[int, int]:
    """Arm one batch again and cancel the replaced messages. Return the numbers of counted and of refused posts."""
    otherwise = arming.armed_otherwise(armed_content(deps.settings))
    with deps.db.transaction() as tx:
        ids = [post.id for post in batch]
        counted = arming.count_arming(tx, ids, otherwise, now=deps.clock.now(), swept=False, unlocked_only=True)
    refused = {post.id for post in arm_batch(deps, counted)}
    message_of = {post.id: post.message_id for post in batch}
    replaced = [message_of[post.id] for post in counted if post.id not in refused]
    deps.run_many(lambda message_id: disarm(deps, message_id), replaced, deps.settings.cron_concurrency)
    return len(counted), len(refused)
