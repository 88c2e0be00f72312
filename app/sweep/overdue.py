"""Send overdue posts again, and arm the unarmed ones.

Invariant: a fresh overdue post goes through the message service once. After that, or while the service is down, it is
dispatched here: the net does not depend on the service that failed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from app.alarms import arm_batch, armed_horizon
from app.delivery.dispatch import dispatch
from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.store.posts import arming, queries
from app.sweep.isolate import isolate
from app.sweep.poll import deliver_due
from app.sweep.run import SweepRun

SENDING_ENDS, ARMING_ENDS = 0.8, 1.0  # parts of the budget
DUE = "next_attempt_at"


def send_overdue(run: SweepRun) -> None:
    """Re-arm or dispatch every overdue post. In poll mode, dispatch every due one."""
    deps = run.deps
    if deps.messages is None:
        delivered = deliver_due(deps, lambda: run.in_time(SENDING_ENDS))
        run.swept.recovered, run.swept.failed = delivered.sent, delivered.failed
        return
    before = run.overdue_before
    for batch in run.pages(SENDING_ENDS, lambda c, n, after: queries.overdue(c, before, run.started, n, after), DUE):
        fresh = [post for post in batch if post.swept_at is None]
        rearmed = set() if run.message_service_down else _rearm_overdue(run, fresh, before)
        here = [post for post in batch if post.swept_at is not None]
        here += [post for post in fresh if post.id not in rearmed]
        results = deps.run_many(
            lambda post: isolate(deps, partial(_dispatch_here, run), post), here, deps.settings.cron_concurrency
        )
        run.swept.recovered += sum(result is not None and result.status != "ignored" for result in results)
        run.swept.failed += sum(result is not None and result.status == "failed" for result in results)


def arm_unarmed(run: SweepRun) -> None:
    """Arm the rows without an accepted alarm, and the parked ones now within the horizon."""
    deps = run.deps
    if deps.messages is None or run.message_service_down:
        return
    settled = run.started - timedelta(seconds=deps.settings.sweep_grace_seconds)
    start, end = run.overdue_before, armed_horizon(deps)
    for batch in run.pages(ARMING_ENDS, lambda c, n, after: queries.unarmed(c, start, end, settled, n, after), DUE):
        with deps.db.transaction() as tx:
            ids = [post.id for post in batch]
            counted = arming.count_arming(
                tx, ids, arming.without_message(), now=deps.clock.now(), swept=False, unlocked_only=True
            )
        run.swept.armed += len(counted) - len(arm_batch(deps, counted))


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
    refused = {post.id for post in arm_batch(deps, counted)}
    run.message_service_down = bool(counted) and len(refused) == len(counted)
    accepted = {post.id for post in counted} - refused
    run.swept.recovered += len(accepted)
    return accepted


def _dispatch_here(run: SweepRun, post: Post) -> Dispatched | None:
    if not run.in_time(SENDING_ENDS):
        return None
    return dispatch(run.deps, post.id, post.generation, "sweep")
