"""Expire leases: the net for posts whose own alarm at the end of the lease did not come."""

from __future__ import annotations

from functools import partial

from app.alarms import arm_batch
from app.delivery.leases import end_lease
from app.domain.lifecycle import Status
from app.store.posts import backlog
from app.sweep.isolate import isolate
from app.sweep.run import SweepRun

EXPIRING_ENDS = 0.3  # part of the budget


def expire_leases(run: SweepRun) -> None:
    """Retry, hold or fail every post past its lease, and arm the retried ones."""
    for batch in run.pages(EXPIRING_ENDS, backlog.expired(run.started)):
        results = [isolate(run.deps, partial(end_lease, run.deps), post) for post in batch]
        expired = [post for post in results if post is not None]
        run.swept.expired += len(expired)
        run.swept.held += sum(post.status is Status.FAILED for post in expired)
        retried = [post for post in expired if post.next_attempt_at is not None]
        run.swept.armed += len(retried) - len(arm_batch(run.deps, retried))
