"""Send overdue posts again, and arm the unarmed ones.

Invariant: an overdue post whose last arming is older than the grace is dispatched here, because its message had its
chance. The net does not depend on the service that failed. Only the others go through the message service once more,
and those for which the time of this run is short.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.alarms import arm_batch, armed_horizon
from app.arming_budget import count_armed, within_budget
from app.delivery.dispatch import dispatch
from app.delivery.postpone import PAUSED
from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.store.operations import pauses
from app.store.posts import arming, backlog
from app.store.posts.backlog import LONGEST_SWEEP
from app.sweep.isolate import isolate
from app.sweep.poll import deliver_due
from app.sweep.run import SweepRun

DISPATCHING_ENDS, SENDING_ENDS, ARMING_ENDS = 0.7, 0.8, 1.0  # parts of the budget


def send_overdue(run: SweepRun) -> None:
    """Re-arm or dispatch every overdue post. In poll mode, dispatch every due one. Send nothing during a pause."""
    deps = run.deps
    with deps.db.reading() as connection:
        run.swept.paused = pauses.read(connection) is not None
    if run.swept.paused:
        return
    if deps.messages is None:
        delivered = deliver_due(deps, lambda: run.in_time(SENDING_ENDS))
        run.swept.recovered, run.swept.failed = delivered.sent, delivered.failed
        return
    before = run.overdue_before
    for batch in run.pages(SENDING_ENDS, backlog.overdue(before, run.started)):
        # First one call for the fresh ones: they must not wait for the sends of this batch.
        fresh = [post for post in batch if not _had_its_chance(run, post)]
        rearmed = _rearm_unless_down(run, fresh, before)
        left = _dispatch_here(run, [post for post in batch if post.id not in rearmed], DISPATCHING_ENDS)
        rearmed = _rearm_unless_down(run, [post for post in left if post.swept_at is None], before)
        _dispatch_here(run, [post for post in left if post.id not in rearmed], SENDING_ENDS)


def arm_unarmed(run: SweepRun) -> None:
    """Arm the rows without an accepted alarm, and the parked ones now within the horizon."""
    deps = run.deps
    if deps.messages is None or run.message_service_down:
        return
    settled = run.started - timedelta(seconds=deps.settings.sweep_grace_seconds)
    start, end = run.overdue_before, armed_horizon(deps)
    for batch in run.pages(ARMING_ENDS, backlog.unarmed(start, end, settled)):
        ids = [post.id for post in within_budget(deps, batch)]
        if not ids:
            continue
        with deps.db.transaction() as tx:
            counted = arming.count_arming(
                tx, ids, arming.without_message(), now=deps.clock.now(), swept=False, unlocked_only=True
            )
        refused = {post.id for post in arm_batch(deps, counted)}
        armed = [post for post in counted if post.id not in refused]
        count_armed(deps, armed)
        run.swept.armed += len(armed)


def _rearm_unless_down(run: SweepRun, fresh: list[Post], before: datetime) -> set[str]:
    return set() if run.message_service_down else _rearm_overdue(run, fresh, before)


def _rearm_overdue(run: SweepRun, fresh: list[Post], before: datetime) -> set[str]:
    """Arm overdue posts for now. Return the accepted ids."""
    if not fresh:
        return set()
    deps = run.deps
    with deps.db.transaction() as tx:
        overdue = arming.due_before(before)
        counted = arming.count_arming(
            tx, [post.id for post in fresh], overdue, now=deps.clock.now(), swept=True, unlocked_only=True
        )
    places = {post.id: place for place, post in enumerate(fresh)}  # the UPDATE returns its rows in no order
    counted.sort(key=lambda post: places[post.id])
    refused = {post.id for post in arm_batch(deps, counted)}
    run.message_service_down = bool(counted) and len(refused) == len(counted)
    accepted = {post.id for post in counted} - refused
    run.swept.recovered += len(accepted)
    return accepted


def _had_its_chance(run: SweepRun, post: Post) -> bool:
    """Return True if the message's delivery and its first retry could have come.

    Both come within the grace after the due instant and the last arming. The row's last change is no earlier. A post
    without a message has waited as long for its arming. A post left by a pause has no message yet.
    """
    if post.error_code == PAUSED and post.message_id is None and post.swept_at is None:
        return False
    by_wrong_clock = post.updated_at > run.started + LONGEST_SWEEP
    return post.swept_at is not None or post.updated_at <= run.overdue_before or by_wrong_clock


def _dispatch_here(run: SweepRun, here: Sequence[Post], part: float) -> list[Post]:
    """Dispatch posts, CRON_CONCURRENCY at a time. Return those left when this part of the budget was spent."""
    deps, left = run.deps, list[Post]()
    if not here:
        return left

    def deliver(post: Post) -> Dispatched | None:
        if not run.in_time(part):
            left.append(post)
            return None
        return isolate(deps, lambda due: dispatch(deps, due.id, due.generation, "sweep"), post)

    results = deps.run_many(deliver, here, deps.settings.cron_concurrency)
    run.swept.recovered += sum(result is not None and result.status != "ignored" for result in results)
    run.swept.failed += sum(result is not None and result.status == "failed" for result in results)
    return left
