"""Retention: posts finished longer ago than RETENTION_DAYS leave the database, and their counts stay.

Invariant: drafts and posts that are still to go out are never touched. Every transaction is short, every run is
bounded, and no total falls. A report for a pruned post is answered as for an unknown one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.alarms import armed_horizon
from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.lifecycle import FINAL
from app.domain.pacing import WINDOW
from app.domain.webhooks import ADMIN_UNSEEN, DISABLED, UNSEEN
from app.domain.webhooks import RETENTION as EVENT_RETENTION
from app.log import emit
from app.store.companies import invitations
from app.store.engine import Connection
from app.store.events import deliveries, endpoints
from app.store.operations import alerts, api_keys, audit, counts, idempotency, jobs, rate_limits, statistics
from app.store.posts import armings, pacing, retention

BATCH = 200  # posts deleted in one transaction, with their attempts and transitions
SWEEP_BATCHES = 25  # deleted by one sweep: over a million posts a day, and a few seconds of one sweep at most
COMMAND_SECONDS = 300.0  # after these `flask prune` stops and asks to be run again
MAX_RECORDS = 1_000  # of each kind, in one transaction. The next sweep takes the rest
RECORD_BATCHES = 20  # of keys and of windows, per sweep: more than callers can write within their limits


@dataclass(slots=True)
class Pruned:
    """The number of posts deleted, by status, and of alerts. `complete` is False when time or batches ran out."""

    posts: dict[str, int] = field(default_factory=lambda: {status.value: 0 for status in retention.FINISHED})
    alerts: int = 0
    complete: bool = True


def prune_expired_records(deps: Deps) -> None:
    """Delete turns, counts, rate limits, invitations, jobs, events, and the keys and audit entries past their end.

    An absent database leaves them to the next sweep.
    """
    now = deps.clock.now()
    try:
        with deps.db.transaction() as tx:
            pacing.prune_turns(tx, now - WINDOW, MAX_RECORDS)
            armings.prune(tx, now)
        kinds = (idempotency.prune, rate_limits.prune, invitations.prune, api_keys.prune, jobs.prune)
        for prune_records in (*kinds, _prune_audit(deps), _prune_events, _end_alerts_of_unseen_admins):
            for _ in range(RECORD_BATCHES):
                with deps.db.transaction() as tx:
                    if prune_records(tx, now, MAX_RECORDS) < MAX_RECORDS:
                        break
    except Unavailable:
        emit("records.prune_postponed")


def _prune_audit(deps: Deps) -> Callable[[Connection, datetime, int], int]:
    kept = timedelta(days=deps.settings.audit_retention_days)
    return lambda tx, now, limit: audit.prune(tx, now - kept, limit)


def _prune_events(tx: Connection, now: datetime, limit: int) -> int:
    return deliveries.prune(tx, now - EVENT_RETENTION, limit)


def _end_alerts_of_unseen_admins(tx: Connection, now: datetime, limit: int) -> int:
    ended = endpoints.end_unseen(tx, now - ADMIN_UNSEEN, now, limit)
    if ended:
        alerts.raise_for_many(tx, DISABLED, ended, UNSEEN, now)
    return len(ended)


def keep_counts_and_prune(deps: Deps, overdue_before: datetime, in_time: Callable[[], bool]) -> int:
    """Keep the status route's counts, prune where a retention is set, and return the number of posts deleted.

    Raises nothing: while the database is away the next sweep does it.
    """
    try:
        return _keep_counts_and_prune(deps, overdue_before, in_time)
    except Unavailable:
        emit("pruning.postponed")
        return 0


def _keep_counts_and_prune(deps: Deps, overdue_before: datetime, in_time: Callable[[], bool]) -> int:
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
    """Delete all posts finished longer ago than `older_than`, as `flask prune` does. A dry run only counts them.

    Raises: ValueError for less than a lease, Unavailable.
    """
    if older_than <= timedelta(seconds=deps.settings.publish_lease_seconds):
        raise ValueError("must be longer than PUBLISH_LEASE_SECONDS, or a report on its way would find its post gone")
    began = deps.clock.now()
    before, until = began - older_than, began + timedelta(seconds=COMMAND_SECONDS)
    _count_final(deps, lambda: deps.clock.now() < until)
    if dry_run:
        with deps.db.reading() as connection:
            counted = {s.value: retention.count_prunable(connection, s, before) for s in retention.FINISHED}
            return Pruned(counted, retention.count_prunable_alerts(connection, before))
    return _prune(deps, before, None, lambda: deps.clock.now() < until)


def _count_final(deps: Deps, in_time: Callable[[], bool]) -> None:
    """Count the posts with a new final status since the last count, before any of them is deleted."""
    for status in sorted(FINAL):
        more = True
        while more and in_time():
            with deps.db.transaction() as tx:
                more = counts.advance(tx, status, deps.clock.now())


def _prune(deps: Deps, before: datetime, batches: int | None, in_time: Callable[[], bool]) -> Pruned:
    """Delete at most `batches` batches, None for no limit."""
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
