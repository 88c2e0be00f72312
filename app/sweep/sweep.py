"""The sweep, the net under everything: expire leases, send the overdue again, arm the unarmed, keep house.

Invariant: one at a time, within its time budget, with progress in every run, and no broken row hides the others. In
poll mode the sweep is also the engine, and concurrent callers share the due posts.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

from app.accounts.refresh import refresh_due
from app.deps import Deps
from app.domain.errors import Unavailable
from app.events.sweep import sweep_events
from app.log import emit
from app.operations.alert_rules import begun_and_healed
from app.posts.bulk import finish_jobs
from app.store.engine import Connection
from app.store.operations import alerts, runs, sweep_runs
from app.store.posts import backlog
from app.store.retried_writes import persist
from app.sweep.clock import correct_future_instants
from app.sweep.expire import expire_leases
from app.sweep.overdue import arm_unarmed, send_overdue
from app.sweep.rearm import notice_change, rearm
from app.sweep.restored import hold_if_went_back
from app.sweep.retention import keep_counts_and_prune, prune_expired_records
from app.sweep.run import ShouldStop, SweepRun, Swept
from app.sweep.skew import find_skew

REARMING_ENDS, JOBS_END, EVENTS_END, PRUNING_ENDS = 0.9, 0.95, 0.97, 1.0  # parts of the budget
LEASE_MARGIN_SECONDS = 10.0  # past the budget and one send to n8n, which may begin at the very end of the budget


def never() -> bool:
    """Return False: the sweep ends by itself."""
    return False


def sweep(deps: Deps, should_stop: ShouldStop = never) -> Swept:
    """Run one whole sweep. A second one at the same time returns `skipped`, and so does one with a wrong clock.

    Once `should_stop` returns True, the sweep ends the work it has begun and begins no more.

    Raises: Unavailable when the database is down.
    """
    skew = find_skew(deps)
    if skew is not None:
        return Swept(skipped=True, clock_skew_seconds=skew)
    run = SweepRun(deps, should_stop, deps.clock.now())
    margin = timedelta(seconds=deps.settings.n8n_timeout_seconds + LEASE_MARGIN_SECONDS)
    until = run.started + run.budget + margin
    if not runs.acquire_lease(deps.db, runs.SWEEP, run.holder, now=run.started, until=until):
        return Swept(skipped=True)
    return _run_steps(
        run,
        correct_future_instants,
        hold_if_went_back,
        expire_leases,
        send_overdue,
        _rearm_outdated,
        arm_unarmed,
        _finish_jobs,
        _deliver_events,
        _refresh_tokens,
        _update_alerts,
        _prune,
    )


def poll(deps: Deps, should_stop: ShouldStop = never) -> Swept:
    """Sweep, as the engine of poll mode: beside another sweep this one still dispatches its share of the due posts.

    Return `skipped` where another sweep runs and no share was left, where a message service is configured, or where the
    clock is wrong.

    Raises: Unavailable.
    """
    swept = sweep(deps, should_stop)
    if swept.skipped and swept.clock_skew_seconds is None and deps.messages is None:
        swept = _run_steps(SweepRun(deps, should_stop, deps.clock.now(), exclusive=False), send_overdue)
    return swept


def wait_jitter(deps: Deps) -> None:
    """Wait a random part of POLL_JITTER_SECONDS before a poll, as many installations are called on the same minute."""
    if deps.messages is None and (jitter := deps.settings.poll_jitter_seconds):
        deps.clock.sleep_until(deps.clock.now() + timedelta(seconds=jitter * deps.random()))


def _run_steps(run: SweepRun, *steps: Callable[[SweepRun], None]) -> Swept:
    status: Literal["ok", "failed"] = "failed"
    try:
        for step in steps:
            step(run)
        status = "ok"
    finally:
        _finish(run, status)
    if run.exclusive:
        prune_expired_records(run.deps)
    return run.swept


def _rearm_outdated(run: SweepRun) -> None:
    """Arm posts again after a change of what messages carry. Time is left for the unarmed posts."""
    deps = run.deps
    if deps.messages is None or run.message_service_down or not notice_change(deps):
        return
    done = rearm(deps, lambda: run.in_time(REARMING_ENDS))
    run.swept.armed += done.armed
    run.message_service_down = bool(done.refused) and not done.armed


def _finish_jobs(run: SweepRun) -> None:
    """Go on with long bulk calls. An absent database leaves them to the next sweep."""
    try:
        finish_jobs(run.deps, lambda: run.in_time(JOBS_END))
    except Unavailable as error:
        emit("jobs.postponed", error=type(error).__name__)


def _deliver_events(run: SweepRun) -> None:
    """Publish events left pending. In poll mode deliver them. Time is left for the rest of the sweep."""
    try:
        sweep_events(run.deps, lambda: run.in_time(EVENTS_END))
    except Unavailable:
        emit("events.sweep_postponed")


def _refresh_tokens(run: SweepRun) -> None:
    refresh_due(run.deps, run.started + run.budget)


def _update_alerts(run: SweepRun) -> None:
    """Clear the healed alerts, unless they were renewed in between. Record the new derived ones, which logs them."""
    deps = run.deps
    with deps.db.reading() as connection:
        names, with_messages = deps.settings.n8n_names, deps.messages is not None
        begun, healed = begun_and_healed(connection, deps.clock.now(), names, with_messages=with_messages)
    if begun or healed:
        with deps.db.transaction() as tx:
            for alert in healed:
                alerts.clear_unless_renewed(tx, alert)
            for alert in begun:
                _begin(tx, alert, deps.clock.now())
    if healed:
        emit("alerts.healed", kinds=sorted(alert.kind for alert in healed))


def _begin(tx: Connection, alert: alerts.Alert, now: datetime) -> None:
    """Record one derived alert. This sweep itself ends the alert of no sweep, so that one is only logged."""
    if alert.kind != "no_sweep":
        alerts.raise_alert(tx, alert.kind, alert.subject, alert.detail, now)
        return
    emit("alert", kind=alert.kind, subject=alert.subject, detail=alert.detail)
    emit("alert.cleared", kind=alert.kind, subject=alert.subject)


def _prune(run: SweepRun) -> None:
    run.swept.pruned = keep_counts_and_prune(run.deps, run.overdue_before, lambda: run.in_time(PRUNING_ENDS))


def _finish(run: SweepRun, status: Literal["ok", "failed"]) -> None:
    """Write the run's figures, count the remaining posts, and log the run."""
    deps, swept = run.deps, run.swept
    swept.duration_ms = round((deps.clock.now() - run.started).total_seconds() * 1000)
    swept.skipped = not run.exclusive and status == "ok" and not swept.recovered
    run_id = None if swept.skipped else persist(deps.clock, lambda: _record(run, status))
    with deps.db.reading() as connection:
        swept.remaining = backlog.count_overdue(connection, run.overdue_before, run.started)
    if run_id is not None:
        _note_remaining(run, run_id)
    swept.total = swept.recovered + swept.remaining
    emit("sweep", status=status, **{key: getattr(swept, key) for key in Swept.__slots__})


def _note_remaining(run: SweepRun, run_id: int) -> None:
    """Add the count to the run's row. An absent database leaves it without."""
    with suppress(Unavailable), run.deps.db.transaction() as tx:
        sweep_runs.note_remaining(tx, run_id, run.swept.remaining)


def _record(run: SweepRun, status: str) -> int:
    """Write the run's figures and release its lease. Returns the id of the run's row."""
    swept = run.swept
    counts = {name: getattr(swept, name) for name in ("recovered", "failed", "expired", "armed", "held", "pruned")}
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
        row = sweep_runs.SweepRunRow(run.started, swept.duration_ms, status, remaining=None, **counts)
        return sweep_runs.add_run(tx, row)
