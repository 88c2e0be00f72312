"""A bulk call: up to 1,000 rows, each done or refused by itself, or all or none.

The rows are done in chunks. Between two chunks the turn goes to other callers. Rows that are left after
BUDGET_SECONDS become a job, which the sweep finishes.
Invariant: a chunk's rows are committed before any message is sent, so no fate of a message can lose a post.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from app.alarms import arm_ordered, disarm_batch
from app.deps import Deps
from app.domain.bulk import Operation, RowResult, refused
from app.domain.errors import Conflict, Refusal, Unavailable
from app.domain.lifecycle import Status
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Post
from app.domain.turns import paused
from app.log import emit
from app.posts import bulk_jobs
from app.posts.bulk_plan import Planned, plan
from app.posts.bulk_rows import changed_meanwhile, repeated
from app.store.engine import Connection
from app.store.operations.jobs import Job
from app.store.posts import attempts, bulk_writes
from app.store.retried_writes import RACE_TRIES

CHUNK = 100
FIRST_PAUSE = timedelta(milliseconds=50)  # before rows are tried again, doubled each time
BUDGET_SECONDS = 4.0
IN_DOUBT = Unavailable("The database did not answer, so this may be done or not. Look before you send the row again.")
NOT_DONE = ("not_done", "Nothing was done, because another row was refused and atomic was asked for.")
Decisions = list[Planned | Refusal]


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """The results by row. `job` has the rest of the rows, None where all are done or refused."""

    results: list[RowResult]
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    """The result of a chunk's writes: row results, rows that lost a race, posts to arm, messages to cancel."""

    results: list[RowResult]
    lost: list[Operation]
    armable: list[Post]
    messages: list[str]


def run_bulk(
    deps: Deps,
    user_id: str,
    operations: Sequence[Operation],
    unreadable: Sequence[RowResult] = (),
    *,
    dry_run: bool = False,
    atomic: bool = False,
) -> BulkAnswer:
    """Do these rows in order, and return a result for each. `unreadable` are the results of rows refused before.

    With `dry_run` nothing changes. With `atomic` nothing changes unless every row can be done.

    Raises: Invalid above the quota of jobs. Unavailable before any row is done.
    """
    twice = repeated(operations)
    results = [*unreadable, *(refused(operations[index], refusal) for index, refusal in twice.items())]
    wanted = [one for index, one in enumerate(operations) if index not in twice]
    if atomic or dry_run:
        return BulkAnswer(_in_order(_all_at_once(deps, user_id, wanted, results, dry_run, atomic)))
    bulk_jobs.require_job_quota(deps, user_id)
    done, left = _in_chunks(deps, user_id, wanted)
    results += done
    job = bulk_jobs.create(deps, user_id, left, _in_order(results), len(results) + len(left)) if left else None
    emit("posts.bulk", rows=len(operations), done=sum(one.done for one in results), left=len(left))
    return BulkAnswer(_in_order(results), job)


def _in_order(results: list[RowResult]) -> list[RowResult]:
    return sorted(results, key=lambda one: one.row)


def _in_chunks(deps: Deps, user_id: str, wanted: Sequence[Operation]) -> tuple[list[RowResult], Sequence[Operation]]:
    """Do chunks until the time is over. Return the results, and the operations that are left."""
    until = deps.clock.now() + timedelta(seconds=BUDGET_SECONDS)
    results: list[RowResult] = []
    for start in range(0, len(wanted), CHUNK):
        if start:
            if deps.clock.now() >= until:
                return results, wanted[start:]
            with paused():
                pass  # other callers go first
        try:
            results += run_chunk(deps, user_id, wanted[start : start + CHUNK])
        except Unavailable as away:
            if not start:
                raise
            in_doubt = [refused(one, IN_DOUBT) for one in wanted[start : start + CHUNK]]
            return results + in_doubt + [refused(one, away) for one in wanted[start + CHUNK :]], ()
    return results, ()


def run_chunk(
    deps: Deps, user_id: str, chunk: Sequence[Operation], job: bulk_jobs.Progress | None = None
) -> list[RowResult]:
    """Do a chunk of rows: write them, then arm and disarm. `job` records the progress in the same transaction.

    Raises: Unavailable. Conflict where another process has taken this part of the job.
    """
    results: list[RowResult] = []
    wanted: Sequence[Operation] = chunk
    for tried in range(RACE_TRIES):
        if tried:
            with paused():  # for the transactions that hold these rows
                deps.clock.sleep_until(deps.clock.now() + FIRST_PAUSE * 2 ** (tried - 1))
        with deps.db.transaction() as tx:
            written = _write(deps, tx, user_id, plan(deps, tx, user_id, wanted), wanted)
            if job is not None:
                job.record(tx, results + written.results, written.lost)
        results += _arm(deps, user_id, written)
        wanted = written.lost
        if not wanted:
            return results
    results += [refused(one, changed_meanwhile()) for one in wanted]
    if job is not None:
        with deps.db.transaction() as tx:
            job.record(tx, results, [])
    return results


def _all_at_once(
    deps: Deps,
    user_id: str,
    wanted: Sequence[Operation],
    results: list[RowResult],
    dry_run: bool,
    atomic: bool,
) -> list[RowResult]:
    """Do all rows in one transaction, or with `dry_run` only decide them."""
    for _ in range(RACE_TRIES):
        try:
            with deps.db.transaction() as tx:
                decisions = plan(deps, tx, user_id, wanted)
                decided = [_result(one, decision) for one, decision in zip(wanted, decisions, strict=True)]
                if atomic and not all(one.done for one in [*results, *decided]):
                    return [_not_done(one) for one in [*results, *decided]]
                if dry_run:
                    return results + decided
                written = _write(deps, tx, user_id, decisions, wanted)
                if written.lost:
                    raise changed_meanwhile()
        except Conflict:
            continue
        return results + _arm(deps, user_id, written)
    return [_not_done(refused(one, changed_meanwhile())) for one in wanted]


def _not_done(result: RowResult) -> RowResult:
    if not result.done:
        return result
    return RowResult(result.row, False, None, *NOT_DONE)


def finish_jobs(deps: Deps, in_time: Callable[[], bool]) -> int:
    """Go on with unfinished jobs while time is left. Return the number of rows done or refused.

    Raises: Unavailable.
    """
    return bulk_jobs.work(deps, run_chunk, in_time)


def _write(deps: Deps, tx: Connection, user_id: str, decisions: Decisions, wanted: Sequence[Operation]) -> _Written:
    """Write the decisions of a chunk, in as many statements for many rows as for one."""
    now, actor = deps.clock.now(), f"user:{user_id}"
    planned = [one for one in decisions if isinstance(one, Planned)]
    bulk_writes.insert_posts(tx, [one.after for one in planned if one.before is None], now=now, actor=actor)
    moves = [one.move for one in planned if one.move is not None]
    moved = bulk_writes.move_posts(tx, moves, now=now, actor=actor) if moves else {}
    for move in moves:
        if move.post.id in moved and move.post.status is Status.PUBLISHING:
            attempts.close(tx, move.post.id, move.post.attempt, Verdict(Outcome.UNKNOWN, "outcome_unknown"), now)
    written = _Written([], [], [], [])
    for operation, decision in zip(wanted, decisions, strict=True):
        _keep(written, operation, decision, moved)
    return written


def _keep(written: _Written, operation: Operation, decision: Planned | Refusal, moved: dict[str, Post]) -> None:
    """Add one row to what a chunk wrote."""
    if isinstance(decision, Planned) and decision.move is not None and decision.after.id not in moved:
        written.lost.append(operation)
        return
    written.results.append(_result(operation, decision))
    if not isinstance(decision, Planned):
        return
    after = moved.get(decision.after.id, decision.after)
    if after.status is Status.SCHEDULED and (decision.move is not None or decision.before is None):
        written.armable.append(after)
    if decision.move is not None and decision.before is not None and decision.before.message_id is not None:
        written.messages.append(decision.before.message_id)


def _result(operation: Operation, decision: Planned | Refusal) -> RowResult:
    if isinstance(decision, Refusal):
        return refused(operation, decision)
    post = decision.after
    return RowResult(
        operation.row,
        True,
        post.id,
        post_status=post.status,
        scheduled_at=post.scheduled_at if post.status is Status.SCHEDULED else None,
        warnings=decision.warnings,
    )


def _log(user_id: str, results: Sequence[RowResult]) -> None:
    """Log the committed rows as one line: the ids of the posts by their new status."""
    changed: dict[str, list[str | None]] = {}
    for one in results:
        if one.done:
            changed.setdefault(str(one.post_status), []).append(one.post_id)
    if changed:
        emit("posts.changed", by=user_id, posts=changed)


def _arm(deps: Deps, user_id: str, written: _Written) -> list[RowResult]:
    """Arm the committed posts and cancel the former messages. Return the results with a warning for unarmed posts."""
    _log(user_id, written.results)
    unarmed = arm_ordered(deps, written.armable, user_id)
    disarm_batch(deps, written.messages)
    return [
        replace(one, warnings=[*one.warnings, unarmed[one.post_id]]) if one.post_id in unarmed else one
        for one in written.results
    ]
