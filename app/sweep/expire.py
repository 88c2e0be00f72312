"""Expire leases: no process works on a post publishing past its lease."""

from __future__ import annotations

from functools import partial

from app.alarms import arm_batch
from app.domain.explanations import SENTENCES
from app.domain.outcomes import Outcome, Verdict, must_hold
from app.domain.platforms import LIMITS
from app.domain.post import Post
from app.store.posts import attempts, queries, transitions
from app.sweep.isolate import isolate
from app.sweep.run import SweepRun

EXPIRING_ENDS = 0.3  # part of the budget


def expire_leases(run: SweepRun) -> None:
    """Retry, hold or fail every post past its lease, and arm the retried ones."""
    for batch in run.pages(EXPIRING_ENDS, lambda c, n, after: queries.expired(c, run.started, n, after), "lease_until"):
        results = [isolate(run.deps, partial(_expire, run), post) for post in batch]
        expired = [post for post in results if post is not None]
        run.swept.expired += len(expired)
        retried = [post for post in expired if post.next_attempt_at is not None]
        run.swept.armed += len(retried) - len(arm_batch(run.deps, retried))


def _expire(run: SweepRun, post: Post) -> Post | None:
    """Retry a post without a begun send. Otherwise the outcome is unknown and the platform's policy decides."""
    deps, now = run.deps, run.deps.clock.now()
    due = now if deps.messages is not None else (post.lease_until or now)  # in poll mode this sweep sends it
    code, message = "outcome_unknown", SENTENCES["outcome_unknown"]
    with deps.db.transaction() as tx:
        if post.sending_at is None:
            verdict = Verdict(Outcome.NOT_SENT, detail="the sender died before it began to send")
            moved = transitions.retry(
                tx, post, at=due, counted=False, code=None, message=None, now=now, reason="lease_over_unsent"
            )
        else:
            verdict = Verdict(Outcome.UNKNOWN, code, message)
            hold = must_hold(deps.settings.unknown_outcome_policy, LIMITS[post.platform].refuses_duplicates)
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
