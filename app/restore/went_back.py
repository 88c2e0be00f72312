"""Notice that the database went back in time, and hold the posts in doubt.

Invariant: a message is published after the commit of its row. A row older than its message has lost that commit.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.keys import MAX_CLOCK_SKEW_SECONDS
from app.domain.post import Post
from app.log import emit
from app.restore import hold
from app.store.operations import alerts, recovery_holds, runs
from app.store.operations.recovery_holds import Rollback
from app.store.posts import queries

ALERT, SUBJECT = "database_went_back", "scheduler"
JOB = "restore"  # the lease of the one worker that holds
HOLD_SECONDS = 10.0  # of one delivery. The sweep goes on
#: How old a message for a missing post may be. Later, retention or a person may have deleted the post.
RECENT = timedelta(days=1)
#: The message service's clock may be behind ours by this much, and its instant of a proof too early.
CLOCK_SKEW = timedelta(seconds=MAX_CLOCK_SKEW_SECONDS)


@dataclass(frozen=True, slots=True)
class Proof:
    """The database was older than `at` and has forgotten it. `evidence` says why, for operators."""

    at: datetime
    evidence: str


def check_message(deps: Deps, post_id: str, generation: int, attempt: int | None, armed_at: datetime) -> None:
    """Look at an ignored message for a proof, and hold the posts in doubt if it is one. `attempt` is a lease alarm's.

    Does nothing while another message's proof is worked on.

    Raises: Unavailable, so that the message comes again.
    """
    with deps.db.reading() as connection:
        post = queries.post_by_id(connection, post_id)
    now = deps.clock.now()
    evidence = _evidence(deps, post, generation, attempt, now - armed_at)
    if evidence is None:
        return
    holder, until = uuid.uuid4().hex, now + timedelta(seconds=2 * HOLD_SECONDS)
    if not runs.acquire_lease(deps.db, JOB, holder, now=now, until=until):
        return
    try:
        went_back(deps, Proof(armed_at, f"{evidence} Post {post_id}."))
    finally:
        with deps.db.transaction() as tx:
            runs.release_lease(tx, JOB, holder)


def _evidence(deps: Deps, post: Post | None, generation: int, attempt: int | None, age: timedelta) -> str | None:
    """Return why the message proves a rollback, None if it does not."""
    if post is None:
        days = deps.settings.retention_days
        recent = RECENT if days is None else min(RECENT, timedelta(days=days))
        return "A recent message is for a post that does not exist." if attempt is None and age < recent else None
    if generation > post.generation:
        return f"A message has generation {generation}, the post {post.generation}."
    if generation == post.generation and attempt is not None and attempt > post.attempt:
        return f"A message has attempt {attempt}, the post {post.attempt}."
    return None


def went_back(deps: Deps, proof: Proof) -> int:
    """Record a rollback and hold its posts in doubt. Return the count. A known rollback is no news.

    A database without any instant before the proof is another one, and has forgotten nothing.

    Raises: Unavailable.
    """
    now = deps.clock.now()
    proven_at = min(proof.at, now)
    with deps.db.reading() as connection:
        since = recovery_holds.latest_instant(connection, proven_at)
        known = recovery_holds.is_known(connection, proven_at)
    if known:
        return 0
    if since is None:
        emit("restore.foreign_message", evidence=proof.evidence)
        return 0
    with deps.db.transaction() as tx:
        rollback = recovery_holds.begin(tx, since=since, until=now, proven_at=proven_at, evidence=proof.evidence)
        alerts.raise_alert(tx, ALERT, SUBJECT, CURES[ALERT], now)
    emit("restore.went_back", since=since.isoformat(), evidence=proof.evidence)
    return hold_rollback(deps, rollback, lambda: deps.clock.now() < now + timedelta(seconds=HOLD_SECONDS))


def hold_rollback(deps: Deps, rollback: Rollback, may_go_on: Callable[[], bool]) -> int:
    """Hold the posts in doubt, until all are held or `may_go_on` returns False. Return their count.

    The posts of the last SWEEP_GRACE_SECONDS are left to the next sweep: most are being delivered right now, and no
    sweep sends them before.

    Raises: Unavailable.
    """
    settled = deps.clock.now() - timedelta(seconds=deps.settings.sweep_grace_seconds)
    until, count = min(rollback.until, settled), 0
    claimed_before = rollback.proven_at + CLOCK_SKEW if rollback.proven_at is not None else None
    for batch in hold.in_doubt(deps, until, claimed_before):
        if not may_go_on():
            break
        count += len(hold.hold_batch(deps, rollback, batch))
    if settled >= rollback.until and next(hold.in_doubt(deps, until, claimed_before), None) is None:
        with deps.db.transaction() as tx:
            recovery_holds.finish(tx, rollback, deps.clock.now())
    if count:
        _tell(deps, rollback, count)
    return count


def _tell(deps: Deps, rollback: Rollback, count: int) -> None:
    with deps.db.transaction() as tx:
        detail = f"{CURES[ALERT]} Held now: {count}. {rollback.evidence}"
        alerts.raise_alert(tx, ALERT, SUBJECT, detail, deps.clock.now())
    emit("alert", kind=ALERT, subject=SUBJECT, detail=detail)
