"""The end of a lease: no process works on a post publishing past it.

Invariant: a post without a begun send is always retried. Any other one is sent again only where that cannot make a
second copy.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.alarms import arm_lease_end, lead_seconds
from app.delivery.dispatch import dispatch
from app.delivery.seats import wait_until
from app.deps import Deps
from app.domain.delivery import Dispatched
from app.domain.explanations import SENTENCES
from app.domain.keys import MAX_CLOCK_SKEW_SECONDS, longest_wait
from app.domain.lifecycle import Status
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Attempt, Post
from app.domain.resend import may_resend, unproven_since
from app.log import emit
from app.store.engine import Connection
from app.store.posts import attempts, queries, transitions
from app.store.posts.missing_reports import missing_reports

#: How much later than the lease an early alarm comes again, at most: our clock may be that much behind. The same second
#: would be the same message to the message service, and not be delivered again.
MAX_CLOCK_ERROR = timedelta(seconds=MAX_CLOCK_SKEW_SECONDS)


def end_lease_by_alarm(deps: Deps, post_id: str, generation: int, attempt: int | None) -> Dispatched:
    """Handle the alarm for the end of an attempt's lease. `attempt` None means the current one.

    The post is retried at once, or fails and waits for a person. Ignore the alarm of an attempt that is over.

    Raises: Unavailable where nothing was recorded, so that the alarm may come again.
    """
    result = _end_by_alarm(deps, post_id, generation, attempt)
    emit("lease.alarm", post_id=post_id, generation=generation, status=result.status, reason=result.reason)
    return result


def _end_by_alarm(deps: Deps, post_id: str, generation: int, attempt: int | None) -> Dispatched:
    post = _read(deps, post_id)
    if post is None:
        return Dispatched("ignored", "unknown")
    if post.generation != generation or attempt not in (None, post.attempt):
        return Dispatched("ignored", "stale")
    if post.status is Status.PUBLISHING:
        assert post.lease_until is not None  # a CHECK constraint holds this while publishing
        left = _wait_for_end(deps, post, post.lease_until)
        if left > timedelta(0):
            again = post.lease_until + min(left, MAX_CLOCK_ERROR)
            return Dispatched("early", "armed_again", arm_lease_end(deps, post, again))
        ended = end_lease(deps, post)
        if ended is None:
            return Dispatched("ignored", "changed")
        if ended.status is Status.FAILED:
            return Dispatched("failed", ended.error_code)
        post = ended
    if post.status is not Status.SCHEDULED or post.message_id is not None:
        return Dispatched("ignored", "busy" if post.status is Status.SCHEDULED else post.status.value)
    # The retry is due. This alarm is its only one so far, also when it comes again after a failed dispatch.
    return dispatch(deps, post_id, generation, "message")


def end_lease(deps: Deps, post: Post) -> Post | None:
    """Retry, hold or fail a post past its lease. Return it after the transition, None if it changed meanwhile."""
    now = deps.clock.now()
    if post.lease_until is None or post.lease_until > now:  # found with a clock that was ahead
        return None
    with deps.db.transaction() as tx:
        moved = _retry_unsent(tx, deps, post, now) if post.sending_at is None else _end_unknown(tx, deps, post, now)
    return moved


def _retry_unsent(tx: Connection, deps: Deps, post: Post, now: datetime) -> Post | None:
    due = _retry_due(deps, post, now)
    moved = transitions.retry(
        tx, post, at=due, counted=False, code=None, message=None, now=now, reason="lease_over_unsent", same_lease=True
    )
    if moved is not None:
        verdict = Verdict(Outcome.NOT_SENT, detail="the sender died before it began to send")
        attempts.close(tx, post.id, post.attempt, verdict, now)
    return moved


def _end_unknown(tx: Connection, deps: Deps, post: Post, now: datetime) -> Post | None:
    """Retry the post while the platform refuses a duplicate and the budget lasts, else hold it.

    While no report reaches us it is held too: its retry would end in the same way.
    """
    code, message = "outcome_unknown", SENTENCES["outcome_unknown"]
    tries = queries.attempts_of(tx, post.id)
    safe = may_resend(deps.settings.unknown_outcome_policy, post.platform, unproven_since(tries), now)
    may_retry = safe and post.retry_count < deps.settings.max_retries
    if may_retry and not _are_reports_missing(tx, deps, post, tries[-1], now):
        due, reason = _retry_due(deps, post, now), "lease_over"
        moved = transitions.retry(
            tx, post, at=due, counted=True, code=code, message=message, now=now, reason=reason, same_lease=True
        )
    else:
        reason = "lease_over_held"
        moved = transitions.fail(
            tx, post, code=code, message=message, counted=safe, now=now, reason=reason, same_lease=True
        )
    if moved is not None:
        attempts.close(tx, post.id, post.attempt, Verdict(Outcome.UNKNOWN, code, message), now)
    return moved


def _are_reports_missing(tx: Connection, deps: Deps, post: Post, attempt: Attempt, now: datetime) -> bool:
    """Return True if no report reaches us, counting this attempt. The operator's policy `retry` asks for no look."""
    if deps.settings.unknown_outcome_policy == "retry":
        return False
    accepted = attempt.http_status is not None and attempt.http_status < 300
    missing = bool(missing_reports(tx, now, (post.id, attempt.started_at) if accepted else None))
    if missing:
        emit("reports.missing", post_id=post.id, attempt=attempt.attempt)
    return missing


def _retry_due(deps: Deps, post: Post, now: datetime) -> datetime:
    """Return now. In poll mode the running sweep takes the post at once only if it was due before the sweep began."""
    return now if deps.messages is not None else (post.lease_until or now)


def _wait_for_end(deps: Deps, post: Post, lease_until: datetime) -> timedelta:
    """Wait for the end of the lease where it is near. Return the time left, zero or less once it has ended."""
    if lease_until - deps.clock.now() <= longest_wait(lead_seconds(deps)):
        wait_until(deps, post, lease_until)
    return lease_until - deps.clock.now()


def _read(deps: Deps, post_id: str) -> Post | None:
    with deps.db.reading() as connection:
        return queries.post_by_id(connection, post_id)
