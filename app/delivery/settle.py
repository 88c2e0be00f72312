"""Settle: close an attempt by what is known of it, from n8n's answer, its report, or the end of the lease.

Promise: one transaction, guarded by generation and attempt; a stale worker's settle changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from app.alarms import arm
from app.alerts import alert
from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.breaker import Breaker
from app.domain.errors import Unavailable
from app.domain.explanations import SENTENCES
from app.domain.lifecycle import Status
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Post
from app.domain.retry import RetryPolicy
from app.log import emit
from app.store.accounts import accounts
from app.store.engine import Connection
from app.store.operations import alerts, breaker
from app.store.posts import attempts, transitions

#: Waits between tries to write down what is known of a send, while the database is away; then the lease settles it.
AGAIN_AFTER_SECONDS = (0.2, 1.0, 3.0)
Written = TypeVar("Written")
BUSY_STATUSES = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Dispatched:
    """`status` is dispatched, retry_scheduled, failed, early or ignored; `reason` says why where it is not plain."""

    status: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A send that n8n has taken: the post as claimed, the answer, and the measured instant."""

    post: Post
    verdict: Verdict
    sent_at: datetime
    circuit: Breaker


def settle(
    deps: Deps,
    post: Post,
    verdict: Verdict,
    *,
    sent_at: datetime | None = None,
    circuit: Breaker | None = None,
) -> Dispatched:
    """Close the attempt of the claimed `post`. `sent_at` and `circuit` come with an answer to a send of our own; a
    report has neither. Never raises Unavailable: what cannot be written is left to the report and the lease."""

    def write() -> Post | None:
        with deps.db.transaction() as tx:
            return _settle(deps, tx, post, verdict, sent_at, circuit)

    try:
        settled = persist(deps, write)
    except Unavailable:
        emit("post.not_settled", post_id=post.id, attempt=post.attempt, outcome=verdict.outcome)
        return Dispatched("dispatched", "not_settled")
    return _afterwards(deps, post, settled, verdict)


def settle_accepted(deps: Deps, group: Sequence[Accepted]) -> None:
    """Settle many sends in one transaction, each as `settle` would. Raises Unavailable: none is settled."""
    now = deps.clock.now()
    lease_until = now + timedelta(seconds=deps.settings.publish_lease_seconds)
    with deps.db.transaction() as tx:
        for one in group:
            _tell_breaker(deps, tx, one.verdict, one.circuit, now)
        held = transitions.extend_leases(tx, [one.post for one in group], lease_until=lease_until, now=now)
        for one in group:
            if one.post.id not in held:
                attempts.correct_lateness(tx, one.post, one.sent_at)
        attempts.accept(tx, [(one.post, one.sent_at, one.verdict.http_status) for one in group])
    for one in group:
        _tell(one.post, None, one.verdict)


def persist(deps: Deps, write: Callable[[], Written]) -> Written:
    """Write down what would be lost otherwise, again and again while the database is away for a moment. Raises
    Unavailable when it stays away."""
    for pause in AGAIN_AFTER_SECONDS:
        try:
            return write()
        except Unavailable:
            deps.clock.sleep_until(deps.clock.now() + timedelta(seconds=pause))
    return write()


def policy(deps: Deps) -> RetryPolicy:
    return RetryPolicy(deps.settings.max_retries, deps.settings.retry_base_seconds)


def _settle(
    deps: Deps,
    tx: Connection,
    post: Post,
    verdict: Verdict,
    sent_at: datetime | None,
    circuit: Breaker | None,
) -> Post | None:
    """The breaker's row first, then the post's, then the attempt's: everyone takes them in this order, or a report that
    comes while we settle would lock us up with it."""
    now = deps.clock.now()
    free = circuit is not None and _tell_breaker(deps, tx, verdict, circuit, now)
    settled = _move(deps, tx, post, verdict, free, sent_at, now)
    if sent_at is not None:
        attempts.record_send(tx, post, sent_at=sent_at, http_status=verdict.http_status)
    attempts.close(tx, post.id, post.attempt, verdict, now)
    return settled


def _move(
    deps: Deps, tx: Connection, post: Post, verdict: Verdict, free: bool, sent_at: datetime | None, now: datetime
) -> Post | None:
    """What the verdict does to the post; None when it stays publishing, or is no longer this attempt's."""
    match verdict.outcome:
        case Outcome.ACCEPTED:
            lease_until = now + timedelta(seconds=deps.settings.publish_lease_seconds)
            if not transitions.extend_leases(tx, [post], lease_until=lease_until, now=now) and sent_at is not None:
                attempts.correct_lateness(tx, post, sent_at)
            return None
        case Outcome.UNKNOWN:
            if sent_at is not None:
                attempts.correct_lateness(tx, post, sent_at)
            return None
        case Outcome.NOT_SENT | Outcome.TRANSIENT:
            return _retry_or_fail(deps, tx, post, verdict, free, now)
    if verdict.outcome is Outcome.RECONNECT:
        _mark_account(tx, post, now)
    code = verdict.code
    assert code is not None  # whatever fails a post has a code
    counted = post.sending_at is not None
    return transitions.fail(tx, post, code=code, message=verdict.message, counted=counted, now=now, reason=code)


def _mark_account(tx: Connection, post: Post, now: datetime) -> None:
    account_id, sent_at = post.social_account_id, post.sending_at
    if account_id and sent_at and accounts.mark_reconnect(tx, account_id, now, sent_at=sent_at):
        alerts.raise_alert(tx, "reconnect_required", account_id, CURES["reconnect_required"], now)


def _retry_or_fail(deps: Deps, tx: Connection, post: Post, verdict: Verdict, free: bool, now: datetime) -> Post | None:
    """Another try while the budget lasts. What never left this machine cannot spend the last of it: n8n being gone
    for an hour costs no post."""
    spent = post.retry_count >= deps.settings.max_retries
    if spent and not free and verdict.outcome is not Outcome.NOT_SENT:
        code = "retries_exhausted"
        return transitions.fail(tx, post, code=code, message=SENTENCES[code], counted=True, now=now, reason=code)
    delay = policy(deps).delay(post.retry_count, deps.random(), verdict.retry_after)
    counted = not free and not spent
    return transitions.retry(
        tx, post, at=now + delay, counted=counted, code=verdict.code, message=verdict.message, now=now
    )


def _tell_breaker(deps: Deps, tx: Connection, verdict: Verdict, circuit: Breaker, now: datetime) -> bool:
    """Count the answer in the breaker all instances share. True while it is open: then a failure costs nothing."""
    is_failure = verdict.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN) or (
        verdict.outcome is Outcome.TRANSIENT and verdict.http_status not in BUSY_STATUSES
    )
    if is_failure:
        s = deps.settings
        cooldown = timedelta(seconds=s.breaker_cooldown_seconds)
        if breaker.record_failure(tx, threshold=s.breaker_threshold, cooldown=cooldown, now=now):
            emit("breaker.opened")
            alerts.raise_alert(tx, "breaker_open", "n8n", CURES["breaker_open"], now)
            return True
        return circuit.opened_at is not None
    if circuit != Breaker() and breaker.record_success(tx):
        emit("breaker.closed")
        alerts.clear(tx, "breaker_open", "n8n")
    return False


def _afterwards(deps: Deps, post: Post, settled: Post | None, verdict: Verdict) -> Dispatched:
    """What follows the commit: the alert, the alarm of the next try, and the answer."""
    _tell(post, settled, verdict)
    if verdict.alert is not None and verdict.outcome is not Outcome.RECONNECT:
        alert(deps, verdict.alert, "n8n", CURES[verdict.alert])
    if settled is None:
        return Dispatched("dispatched", "unknown" if verdict.outcome is Outcome.UNKNOWN else None)
    if settled.status is Status.SCHEDULED:
        arm(deps, settled)
        return Dispatched("retry_scheduled", verdict.code)
    return Dispatched("failed", settled.error_code)


def _tell(post: Post, settled: Post | None, verdict: Verdict) -> None:
    emit(
        "post.settled",
        post_id=post.id,
        attempt=post.attempt,
        outcome=verdict.outcome,
        code=verdict.code,
        status=settled.status if settled else None,
    )


def external_url(external_id: str | None) -> str | None:
    """Where a published post can be seen, for the platforms whose ids say so (LinkedIn's feed takes the URN)."""
    if external_id and external_id.startswith("urn:li:"):
        return f"https://www.linkedin.com/feed/update/{external_id}/"
    return None
