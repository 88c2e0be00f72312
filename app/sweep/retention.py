"""Retention: what was finished longer ago than RETENTION_DAYS leaves the database; and the counts that outlive it.

Promise: drafts and whatever is still to go out are never touched, every transaction is short, every run is bounded, and
no total falls. A report for a post that is gone is answered as for one that never was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.alarms import armed_horizon
from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.lifecycle import FINAL
from app.log import emit
from app.store.operations import counts, statistics
from app.store.posts import retention

BATCH = 200  # posts that one transaction deletes, with what hangs on them
SWEEP_BATCHES = 25  # that one sweep deletes: over a million posts a day, and a few seconds of one sweep at most
COMMAND_SECONDS = 300.0  # after which `flask prune` stops and asks to be run again


@dataclass(slots=True)
class Pruned:
    """Posts deleted, by status; `alerts` likewise. `complete` is False when the time or the batches ran out."""

    posts: dict[str, int] = field(default_factory=lambda: {status.value: 0 for status in retention.FINISHED})
    alerts: int = 0
    complete: bool = True


def tidy(deps: Deps, overdue_before: datetime, in_time: Callable[[], bool]) -> int:
    """The sweep's last step: keep the status route's counts, and prune if a retention is set. Returns how many posts
    were deleted. Never raises Unavailable: the next sweep has time too, and this one did what matters."""
    try:
        return _tidy(deps, overdue_before, in_time)
    except Unavailable:
        emit("pruning.put_off")
        return 0


def _tidy(deps: Deps, overdue_before: datetime, in_time: Callable[[], bool]) -> int:
    _count_final(deps, in_time)
    for kind in statistics.large_kinds(overdue_before, armed_horizon(deps)):
        if in_time():
            with deps.db.transaction() as tx:
                counts.recount(tx, kind, deps.clock.now())
    if deps.settings.retention_days is None or not in_time():
        return 0
    pruned = _prune(deps, deps.clock.now() - timedelta(days=deps.settings.retention_days), SWEEP_BATCHES, in_time)
    if any(pruned.posts.values()) or pruned.alerts:
        emit("pruned", posts=pruned.posts, alerts=pruned.alerts, complete=pruned.complete)
    return sum(pruned.posts.values())


def prune(deps: Deps, older_than: timedelta, *, dry_run: bool = False) -> Pruned:
    """All that is older, as the command does it. Raises ValueError for less than a lease, Unavailable."""
    if older_than <= timedelta(seconds=deps.settings.publish_lease_seconds):
        raise ValueError("must be longer than PUBLISH_LEASE_SECONDS, or a report on its way would find its post gone")
    began = deps.clock.now()
    before, until = began - older_than, began + timedelta(seconds=COMMAND_SECONDS)
    _count_final(deps, lambda: deps.clock.now() < until)
    if dry_run:
        with deps.db.reading() as connection:
            counts = {s.value: retention.count_prunable(connection, s, before) for s in retention.FINISHED}
            return Pruned(counts, retention.count_prunable_alerts(connection, before))
    return _prune(deps, before, None, lambda: deps.clock.now() < until)


def _count_final(deps: Deps, in_time: Callable[[], bool]) -> None:
    for status in sorted(FINAL):
        more = True
        while more and in_time():
            with deps.db.transaction() as tx:
                more = counts.advance(tx, status, deps.clock.now())


def _prune(deps: Deps, before: datetime, batches: int | None, in_time: Callable[[], bool]) -> Pruned:
    pruned = Pruned()
    with deps.db.transaction() as tx:
        pruned.alerts = retention.prune_alerts(tx, before)
    for status in retention.FINISHED:
        deleted = BATCH
        while deleted == BATCH:
            if batches == 0 or not in_time():
                pruned.complete = False
                return pruned
            with deps.db.transaction() as tx:
                deleted = retention.prune_posts(tx, status, before, BATCH)
            pruned.posts[status.value] += deleted
            batches = batches - 1 if batches and deleted else batches
    return pruned
