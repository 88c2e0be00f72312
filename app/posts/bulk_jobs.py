"""Jobs: the rest of a bulk call that took too long for one request. The sweep finishes them, a chunk at a time.

Invariant: a chunk's rows and the job's progress are committed together, so a crash repeats no row and loses none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta

from app.deps import Deps
from app.domain.bulk import Operation, RowResult, from_stored, refused, to_stored
from app.domain.errors import Conflict, NotFound, Refusal, Unavailable, invalid_field
from app.domain.times import to_wire
from app.log import emit
from app.store.engine import Connection
from app.store.operations import jobs
from app.store.operations.jobs import Job, Stored
from app.store.schema.tables import new_id

MAX_OPEN_JOBS = 10  # of one user
KEPT_FOR = timedelta(days=7)
CHUNK = 100
RunChunk = Callable[..., list[RowResult]]


def require_job_quota(deps: Deps, user_id: str) -> None:
    """Check the number of the user's unfinished jobs.

    Raises: Invalid, Unavailable.
    """
    with deps.db.reading() as connection:
        actual = jobs.count_open(connection, user_id, MAX_OPEN_JOBS + 1)
    if actual >= MAX_OPEN_JOBS:
        message = f"You have {actual} unfinished jobs. Wait until one is finished."
        raise invalid_field("jobs", "quota_exceeded", message, MAX_OPEN_JOBS, actual)


def create(deps: Deps, user_id: str, left: Sequence[Operation], done: Sequence[RowResult], total: int) -> Job:
    """Store the rows that are left, with the results so far.

    Raises: Unavailable.
    """
    now = deps.clock.now()
    stored = [as_stored(one) for one in done]
    job = Job(
        new_id(), user_id, total, len(stored), [to_stored(one) for one in left], stored, False, now, now, now + KEPT_FOR
    )
    with deps.db.transaction() as tx:
        jobs.create(tx, job)
    return job


def read(deps: Deps, user_id: str, job_id: str) -> Job:
    """Return the user's job.

    Raises: NotFound, Unavailable.
    """
    with deps.db.reading() as connection:
        job = jobs.by_id(connection, job_id, user_id)
    if job is None:
        raise NotFound("job_not_found", "There is no such job. Jobs are kept for 7 days.")
    return job


def as_stored(result: RowResult) -> dict[str, object]:
    """Return a result as JSON values, as the API writes them."""
    answer: dict[str, object] = {"row": result.row, "status": "done" if result.done else "refused"}
    answer |= {"postId": result.post_id, "code": result.code, "message": result.message}
    answer["errors"] = [
        {key: value for key, value in asdict(one).items() if value is not None} for one in result.errors
    ]
    answer |= {"postStatus": result.post_status, "scheduledAt": to_wire(result.scheduled_at)}
    answer["warnings"] = [{"code": code, "message": message} for code, message in result.warnings]
    return {key: value for key, value in answer.items() if value not in (None, [])}


class Progress:
    """The progress of one chunk of a job."""

    def __init__(self, deps: Deps, job: Job, rest: Stored) -> None:
        self._deps, self._job, self._rest = deps, job, rest
        self._expected = job.position

    def record(self, tx: Connection, results: Sequence[RowResult], lost: Sequence[Operation]) -> None:
        """Write the results of the chunk so far. `lost` are its rows that are tried again.

        Raises: Conflict where another process has taken this chunk.
        """
        left = [to_stored(one) for one in lost] + self._rest
        done = self._job.results + [as_stored(one) for one in results]
        if not jobs.record(tx, self._job, self._expected, left, done, self._deps.clock.now()):
            raise Conflict("job_taken", "Another process does this job.")
        self._expected = len(done)


def work(deps: Deps, run_chunk: RunChunk, in_time: Callable[[], bool]) -> int:
    """Do a chunk of each unfinished job in turn while time is left. Return the number of rows done or refused.

    Raises: Unavailable.
    """
    rows = 0
    while in_time():
        with deps.db.reading() as connection:
            job = jobs.least_recent(connection)
        if job is None:
            break
        rows += _work_at(deps, run_chunk, job)
    return rows


def _work_at(deps: Deps, run_chunk: RunChunk, job: Job) -> int:
    chunk, rest = [from_stored(one) for one in job.operations[:CHUNK]], job.operations[CHUNK:]
    progress = Progress(deps, job, rest)
    try:
        run_chunk(deps, job.user_id, chunk, progress)
    except Conflict:
        return 0
    except Unavailable:
        raise
    except Exception:  # a broken row must not hold up the other jobs, nor the sweep
        emit("job.chunk_failed", level=40, job_id=job.id, exc_info=True)
        with deps.db.transaction() as tx:
            progress.record(tx, [refused(one, _broken()) for one in chunk], [])
    if not rest:
        emit("job.finished", job_id=job.id, rows=job.total)
    return len(chunk)


def _broken() -> Refusal:
    return Refusal("internal_error", "An internal error occurred and was logged. Try this row again.")
