"""The sweep, the net under everything: expire leases, send the overdue out again, arm the unarmed, prune.

Promise: one at a time, inside its time budget, progress every time, and no row, however broken, hides the others. In
poll mode the sweep is the engine too, and what is due is shared by all who come.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from app.accounts.refresh import look_after_accounts
from app.alarms import arm_batch, armed_horizon
from app.delivery.dispatch import dispatch
from app.delivery.settle import Dispatched, persist
from app.deps import Deps
from app.domain.explanations import SENTENCES
from app.domain.outcomes import Outcome, Verdict, must_hold
from app.domain.platforms import LIMITS
from app.domain.post import Post
from app.log import emit
from app.operations.alert_rules import forget_healed
from app.store.engine import Connection
from app.store.operations import runs
from app.store.posts import arming, attempts, queries, transitions
from app.sweep.expired_records import forget_old
from app.sweep.isolate import isolate
from app.sweep.poll import deliver_due
from app.sweep.retention import tidy

#: By when, as a part of the budget, each step makes way for the next, so that a flood of one kind starves nobody.
EXPIRING_ENDS, SENDING_ENDS, ARMING_ENDS, PRUNING_ENDS = 0.3, 0.8, 1.0, 1.0
LEASE_MARGIN_SECONDS = 10.0  # past the budget and one send to n8n, which may be begun at the very end of it

DUE = "next_attempt_at"
Page = Callable[[Connection, int, tuple[datetime, str] | None], list[Post]]
ShouldStop = Callable[[], bool]


@dataclass(slots=True)
class Swept:
    """What one sweep did. `recovered` posts went out again, of `total` found overdue; `held` wait for a person."""

    recovered: int = 0
    total: int = 0
    expired: int = 0
    armed: int = 0
    held: int = 0
    pruned: int = 0
    failed: int = 0
    remaining: int = 0
    duration_ms: int = 0
    skipped: bool = False


@dataclass
class _Run:
    """One sweep in progress: by the lease's `holder`, or a share of one without the lease."""

    deps: Deps
    should_stop: ShouldStop
    started: datetime
    exclusive: bool = True
    holder: str = field(default_factory=lambda: uuid.uuid4().hex)
    swept: Swept = field(default_factory=Swept)
    message_service_down: bool = False

    @property
    def budget(self) -> timedelta:
        return timedelta(seconds=self.deps.settings.sweep_budget_seconds)

    def in_time(self, part: float) -> bool:
        return not self.should_stop() and self.deps.clock.now() < self.started + self.budget * part


def never() -> bool:
    return False


def sweep(deps: Deps, should_stop: ShouldStop = never) -> Swept:
    """One run, the whole of it. A second one at the same time answers `skipped`. When `should_stop`, it ends the work
    begun and begins no more. Raises Unavailable when the database is down."""
    run = _Run(deps, should_stop, deps.clock.now())
    margin = timedelta(seconds=deps.settings.n8n_timeout_seconds + LEASE_MARGIN_SECONDS)
    until = run.started + run.budget + margin
    if not runs.take_lease(deps.db, runs.SWEEP, run.holder, now=run.started, until=until):
        return Swept(skipped=True)
    return _finished(run, _expire, _send_overdue, _arm_unarmed, _renew_tokens, _tidy, _prune)


def poll(deps: Deps, should_stop: ShouldStop = never) -> Swept:
    """A sweep, as the engine of poll mode: while another one has the lease, this one takes its share of what is due all
    the same, and leaves the rest to it. `skipped` when another sweeps and no share was left; with a message service,
    whenever another sweeps. Raises Unavailable."""
    swept = sweep(deps, should_stop)
    if swept.skipped and deps.messages is None:
        swept = _finished(_Run(deps, should_stop, deps.clock.now(), exclusive=False), _send_overdue)
    return swept


def stand_off(deps: Deps) -> None:
    """Many installations are called on the same minute: wait a random part of POLL_JITTER_SECONDS before a poll."""
    if deps.messages is None and (jitter := deps.settings.poll_jitter_seconds):
        deps.clock.sleep_until(deps.clock.now() + timedelta(seconds=jitter * deps.random()))


def _finished(run: _Run, *steps: Callable[[_Run], None]) -> Swept:
    status = "failed"
    try:
        for step in steps:
            step(run)
        status = "ok"
    finally:
        _finish(run, status)
    if run.exclusive:
        forget_old(run.deps)
    return run.swept


def _renew_tokens(run: _Run) -> None:
    look_after_accounts(run.deps, run.started + run.budget)


def _prune(run: _Run) -> None:
    run.swept.pruned = tidy(run.deps, _overdue_before(run), lambda: run.in_time(PRUNING_ENDS))


def _finish(run: _Run, status: str) -> None:
    deps, swept = run.deps, run.swept
    swept.duration_ms = round((deps.clock.now() - run.started).total_seconds() * 1000)
    swept.skipped = not run.exclusive and status == "ok" and not swept.recovered
    if not swept.skipped:
        persist(deps, lambda: _record(run, status))
    with deps.db.reading() as connection:
        swept.remaining = queries.count_overdue(connection, _overdue_before(run), run.started)
    swept.total = swept.recovered + swept.remaining
    emit("sweep", status=status, **{key: getattr(swept, key) for key in Swept.__slots__})


def _record(run: _Run, status: str) -> None:
    swept = run.swept
    with run.deps.db.transaction() as tx:
        runs.record_run(
            tx,
            runs.SWEEP,
            started=run.started,
            duration_ms=swept.duration_ms,
            status=status,
            sent=swept.recovered,
            failed=swept.failed,
        )
        runs.release_lease(tx, runs.SWEEP, run.holder)


def _pages(run: _Run, part: float, find: Page, key: str) -> Iterator[list[Post]]:
    """Batches by keyset, so that a stuck batch cannot hide the rest, until there are none or the step's time is up."""
    after: tuple[datetime, str] | None = None
    while run.in_time(part):
        with run.deps.db.reading() as connection:
            batch = find(connection, run.deps.settings.sweep_batch_size, after)
        if not batch:
            return
        after = (getattr(batch[-1], key), batch[-1].id)
        yield batch


def _expire(run: _Run) -> None:
    """Publishing past the lease: nobody holds these any more."""
    for batch in _pages(
        run, EXPIRING_ENDS, lambda c, n, after: queries.expired(c, run.started, n, after), "lease_until"
    ):
        expired = [
            post for post in (isolate(run.deps, partial(_expire_one, run), post) for post in batch) if post is not None
        ]
        run.swept.expired += len(expired)
        retried = [post for post in expired if post.next_attempt_at is not None]
        run.swept.armed += len(retried) - len(arm_batch(run.deps, retried))


def _expire_one(run: _Run, post: Post) -> Post | None:
    """Safe to retry when the send never began; otherwise the outcome is unknown and the policy says."""
    deps, now = run.deps, run.deps.clock.now()
    due = now if deps.messages is not None else (post.lease_until or now)  # in poll mode, still this sweep's work
    limits = LIMITS[post.platform]
    code, message = "outcome_unknown", SENTENCES["outcome_unknown"]
    with deps.db.transaction() as tx:
        if post.sending_at is None:
            verdict = Verdict(Outcome.NOT_SENT, detail="the sender died before it began to send")
            moved = transitions.retry(
                tx, post, at=due, counted=False, code=None, message=None, now=now, reason="lease_over_unsent"
            )
        else:
            verdict = Verdict(Outcome.UNKNOWN, code, message)
            hold = must_hold(deps.settings.unknown_outcome_policy, limits.refuses_duplicates)
            if hold or post.retry_count >= deps.settings.max_retries:
                moved = transitions.fail(
                    tx, post, code=code, message=message, counted=not hold, now=now, reason="lease_over_held"
                )
                run.swept.held += int(moved is not None)
            else:
                moved = transitions.retry(
                    tx, post, at=due, counted=True, code=code, message=message, now=now, reason="lease_over"
                )
        if moved is not None:
            attempts.close(tx, post.id, post.attempt, verdict, now)
    return moved


def _overdue_before(run: _Run) -> datetime:
    """Posts due before this are overdue; with a message service it gets the grace to deliver first."""
    grace = 0.0 if run.deps.messages is None else run.deps.settings.sweep_grace_seconds
    return run.started - timedelta(seconds=grace)


def _send_overdue(run: _Run) -> None:
    """Once through the message service; here, where that cannot be reached or an earlier sweep gave it to no avail."""
    if run.deps.messages is None:
        delivered = deliver_due(run.deps, lambda: run.in_time(SENDING_ENDS))
        run.swept.recovered, run.swept.failed = delivered.sent, delivered.failed
        return
    before = _overdue_before(run)
    for batch in _pages(run, SENDING_ENDS, lambda c, n, after: queries.overdue(c, before, run.started, n, after), DUE):
        again = [post for post in batch if post.swept_at is not None]
        given = (
            []
            if run.message_service_down
            else _rearm_overdue(run, [post for post in batch if post.swept_at is None], before)
        )
        here = again + [post for post in batch if post.swept_at is None and post.id not in given]
        at_a_time = run.deps.settings.cron_concurrency
        results = run.deps.run_many(lambda post: isolate(run.deps, partial(_dispatch_here, run), post), here, at_a_time)
        run.swept.recovered += sum(result is not None and result.status != "ignored" for result in results)
        run.swept.failed += sum(result is not None and result.status == "failed" for result in results)


def _rearm_overdue(run: _Run, fresh: list[Post], before: datetime) -> set[str]:
    """Arm overdue posts for now; returns the ids that the message service took."""
    if not fresh:
        return set()
    deps = run.deps
    with deps.db.transaction() as tx:
        overdue = arming.due_before(before)
        counted = arming.count_arming(tx, [post.id for post in fresh], overdue, now=deps.clock.now(), swept=True)
    refused = {post.id for post in arm_batch(deps, counted)}
    run.message_service_down = bool(counted) and len(refused) == len(counted)
    given = {post.id for post in counted} - refused
    run.swept.recovered += len(given)
    return given


def _dispatch_here(run: _Run, post: Post) -> Dispatched | None:
    if not run.in_time(SENDING_ENDS):
        return None
    return dispatch(run.deps, post.id, post.generation, "sweep")


def _arm_unarmed(run: _Run) -> None:
    """Rows whose alarm was never taken, or that were parked and have come within the horizon."""
    deps = run.deps
    if deps.messages is None or run.message_service_down:
        return
    settled = run.started - timedelta(seconds=deps.settings.sweep_grace_seconds)
    start, end = _overdue_before(run), armed_horizon(deps)
    for batch in _pages(run, ARMING_ENDS, lambda c, n, after: queries.unarmed(c, start, end, settled, n, after), DUE):
        with deps.db.transaction() as tx:
            ids = [post.id for post in batch]
            counted = arming.count_arming(tx, ids, arming.without_message(), now=deps.clock.now(), swept=False)
        run.swept.armed += len(counted) - len(arm_batch(deps, counted))


def _tidy(run: _Run) -> None:
    forget_healed(run.deps)
