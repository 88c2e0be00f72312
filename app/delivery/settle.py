"""Settle: close an attempt by its known outcome: n8n's answer, a report, or the end of the lease.

Invariant: one transaction, guarded by generation and attempt. A stale worker's settle changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from app.alarms import arm_lease_end, is_armed
from app.alerts import raise_alert
from app.delivery.circuit import close_breaker, count_in_breaker
from app.delivery.postpone import MAX_DEFERRAL, SPREAD, deferral_since
from app.delivery.settled_log import log_settled
from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.breaker import PUBLISHER, Breaker
from app.domain.delivery import Dispatched
from app.domain.errors import Unavailable
from app.domain.explanations import SENTENCES
from app.domain.fairness import owner_of
from app.domain.lifecycle import Status
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Post
from app.domain.resend import may_resend, unproven_since
from app.domain.retry import RetryPolicy
from app.log import emit, in_request
from app.store.accounts import accounts
from app.store.engine import Connection
from app.store.operations import alerts
from app.store.posts import attempts, leases, queries, transitions
from app.store.retried_writes import persist

RECONNECT = "reconnect_required"  # an alert about the account. All others of a verdict are about the publisher
ELSEWHERE_AFTER = timedelta(seconds=1)
NOT_SETTLED = "not_settled"  # the reason of a result that could not be written


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted send: the post as claimed, the answer, the measured instants, the breaker as read.

    `request_id` is the caller's, for the log.
    """

    post: Post
    verdict: Verdict
    sent_at: datetime
    answered_at: datetime
    circuit: Breaker
    request_id: str | None = None


class SettledGroup(NamedTuple):
    """What is left of a settled group.

    `left` are the ids of posts for `settle`, because another transaction holds their rows. `leased` are the posts that
    wait for their report, with the ends of their leases. The caller arms these.
    """

    left: set[str]
    leased: list[tuple[Post, datetime]]


def settle(
    deps: Deps,
    post: Post,
    verdict: Verdict,
    *,
    sent_at: datetime | None = None,
    answered_at: datetime | None = None,
    circuit: Breaker | None = None,
) -> Dispatched:
    """Close the attempt of the claimed `post`.

    An answer to our own send comes with `sent_at`, `answered_at` and `circuit`, a report with none. Raises nothing:
    where the database stays away, the report and the lease settle the attempt later.
    """
    name = deps.settings.n8n_names[circuit.index] if circuit is not None else PUBLISHER

    def write(tx: Connection) -> Post | None:
        return _write(deps, tx, post, verdict, sent_at, answered_at, circuit)

    return _persist(deps, post, verdict, write, sent_at, name)


def settle_unsent(deps: Deps, post: Post, verdict: Verdict) -> Dispatched:
    """Close the attempt of a claimed post that was not sent. Its row no longer looks sent.

    A post that was held up is retried at once and spends no retry. If its lease has ended meanwhile, only the attempt
    is corrected. Raises nothing, as `settle`.
    """
    result = _persist(deps, post, verdict, lambda tx: _write_unsent(deps, tx, post, verdict))
    return Dispatched("ignored", "lease_over") if result == Dispatched("dispatched") else result


def _persist(
    deps: Deps,
    post: Post,
    verdict: Verdict,
    apply: Callable[[Connection], Post | None],
    sent_at: datetime | None = None,
    publisher: str = PUBLISHER,
) -> Dispatched:
    def write() -> Post | None:
        with deps.db.transaction() as tx:
            return apply(tx)

    try:
        settled = persist(deps.clock, write)
    except Unavailable:
        emit("post.not_settled", post_id=post.id, attempt=post.attempt, outcome=verdict.outcome)
        return Dispatched("dispatched", NOT_SETTLED)
    result = _after_commit(deps, post, settled, verdict, sent_at, publisher)
    if settled is None and verdict.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
        arm_lease_end(deps, post, _lease_end(deps, post, verdict))
    return result


def _lease_end(deps: Deps, post: Post, verdict: Verdict) -> datetime:
    """Return the end of the lease: counted from now once n8n has accepted, else as claimed."""
    from_now = deps.clock.now() + timedelta(seconds=deps.settings.publish_lease_seconds)
    return from_now if verdict.outcome is Outcome.ACCEPTED or post.lease_until is None else post.lease_until


def settle_accepted(deps: Deps, group: Sequence[Accepted]) -> SettledGroup:
    """Settle many accepted sends in one transaction, each as `settle` would.

    Raises: Unavailable. None is settled then.
    """
    now = deps.clock.now()
    lease_until = now + timedelta(seconds=deps.settings.publish_lease_seconds)
    with deps.db.transaction() as tx:
        for index in sorted({one.circuit.index for one in group if one.circuit != Breaker()}):
            close_breaker(deps, tx, index)
        posts = [one.post for one in group]
        held = leases.extend_leases(tx, posts, lease_until=lease_until, now=now, skip_locked=True)
        rest = [one for one in group if one.post.id not in held]
        locked = leases.still_leased(tx, [one.post for one in rest]) if rest else set()
        for one in rest:
            if one.post.id not in locked:
                attempts.correct_lateness(tx, one.post, one.sent_at)
        free = [one for one in group if one.post.id not in locked]
        sends = [attempts.AcceptedSend(o.post, o.sent_at, o.answered_at, o.verdict.http_status) for o in free]
        settled = attempts.accept(tx, sends)
    for one in group:
        if one.post.id in settled:
            with in_request(one.request_id):
                log_settled(one.post, None, one.verdict, one.sent_at)
    leased = [(post, lease_until) for post in posts if post.id in held & settled]
    return SettledGroup({post.id for post in posts} - settled, leased)


def _write(
    deps: Deps,
    tx: Connection,
    post: Post,
    verdict: Verdict,
    sent_at: datetime | None,
    answered_at: datetime | None,
    circuit: Breaker | None,
) -> Post | None:
    """Write the breaker, the post and the attempt. Return the post where its status changed.

    Lock order: breaker, post, attempt. Any other order can deadlock with a concurrent report.
    """
    now = deps.clock.now()
    free = circuit is not None and count_in_breaker(deps, tx, owner_of(post), verdict, circuit, now)
    settled = _apply(deps, tx, post, verdict, free, sent_at, now)
    if sent_at is not None:
        accepted_at = answered_at if verdict.outcome is Outcome.ACCEPTED else None
        status = verdict.http_status
        attempts.record_send(tx, post, sent_at=sent_at, accepted_at=accepted_at, http_status=status)
    attempts.close(tx, post.id, post.attempt, verdict, now, reported=circuit is None)
    return settled


def _write_unsent(deps: Deps, tx: Connection, post: Post, verdict: Verdict) -> Post | None:
    """Write the post and the attempt, in this order. Return the post where its status changed."""
    now = deps.clock.now()
    code, message = verdict.code, verdict.message
    if verdict.outcome is Outcome.NOT_SENT:
        changed = transitions.retry(
            tx, post, at=now, counted=False, code=code, message=message, now=now, reason="not_sent"
        )
    else:
        assert code is not None  # every failing verdict has a code
        changed = transitions.fail(tx, post, code=code, message=message, counted=False, now=now, reason=code)
    attempts.close_unsent(tx, post.id, post.attempt, verdict, now)
    return changed


def _apply(
    deps: Deps, tx: Connection, post: Post, verdict: Verdict, free: bool, sent_at: datetime | None, now: datetime
) -> Post | None:
    """Apply the verdict to the post. Return None where it stays publishing or another attempt has it."""
    match verdict.outcome:
        case Outcome.ACCEPTED:
            lease_until = now + timedelta(seconds=deps.settings.publish_lease_seconds)
            if not leases.extend_leases(tx, [post], lease_until=lease_until, now=now) and sent_at is not None:
                attempts.correct_lateness(tx, post, sent_at)
            return None
        case Outcome.UNKNOWN:
            if sent_at is None:
                changed = _retry_reported_unknown(deps, tx, post, verdict, now)
                if verdict.alert == RECONNECT:  # last: the post is scheduled by now, and at risk too
                    _mark_account(tx, post, now)
                return changed
            attempts.correct_lateness(tx, post, sent_at)
            return None
        case Outcome.NOT_SENT | Outcome.TRANSIENT:
            if sent_at is not None and _may_go_elsewhere(deps, post, verdict):
                return _retry_elsewhere(tx, post, verdict, free, now)
            return _retry_or_fail(deps, tx, post, verdict, free, now)
    if verdict.outcome is Outcome.RECONNECT:
        _mark_account(tx, post, now)
    code = verdict.code
    assert code is not None  # every failing verdict has a code
    return transitions.fail(tx, post, code=code, message=verdict.message, counted=True, now=now, reason=code)


def _mark_account(tx: Connection, post: Post, now: datetime) -> None:
    """Mark the post's account for a reconnect, unless it has a newer token."""
    account_id, sent_at = post.social_account_id, post.sending_at
    if not account_id or not sent_at:
        return
    connected_at = attempts.account_connected_at(tx, post)
    if accounts.mark_reconnect(tx, account_id, now, sent_at=sent_at, connected_at=connected_at):
        alerts.raise_alert(tx, "reconnect_required", account_id, CURES["reconnect_required"], now)


def _may_go_elsewhere(deps: Deps, post: Post, verdict: Verdict) -> bool:
    """Return True if another n8n may take the post at once: once in a row for each kind of refusal."""
    spent = post.retry_count >= deps.settings.max_retries
    return len(deps.publishers) > 1 and verdict.retry_after is None and post.error_code != verdict.code and not spent


def _retry_elsewhere(tx: Connection, post: Post, verdict: Verdict, free: bool, now: datetime) -> Post | None:
    """Schedule the next try at once. The n8n that refused is avoided for some seconds."""
    counted = not free and verdict.alert is None
    at = now + ELSEWHERE_AFTER
    return transitions.retry(tx, post, at=at, counted=counted, code=verdict.code, message=verdict.message, now=now)


def _retry_or_fail(deps: Deps, tx: Connection, post: Post, verdict: Verdict, free: bool, now: datetime) -> Post | None:
    """Schedule another try while the budget lasts, else fail the post.

    An unsent request never spends the last retry, so n8n can be away for an hour without the loss of a post. A failure
    that an operator has to mend spends none.
    """
    settings = deps.settings
    if verdict.alert is not None:
        at = now + _hold(deps, post, verdict, now)
        return transitions.retry(tx, post, at=at, counted=False, code=verdict.code, message=verdict.message, now=now)
    spent = post.retry_count >= settings.max_retries
    if spent and not free and verdict.outcome is not Outcome.NOT_SENT:
        code = "retries_exhausted"
        return transitions.fail(tx, post, code=code, message=SENTENCES[code], counted=True, now=now, reason=code)
    policy = RetryPolicy(settings.max_retries, settings.retry_base_seconds)
    at = now + policy.delay(post.retry_count, deps.random(), verdict.retry_after)
    counted = not free and not spent
    return transitions.retry(tx, post, at=at, counted=counted, code=verdict.code, message=verdict.message, now=now)


def _retry_reported_unknown(deps: Deps, tx: Connection, post: Post, verdict: Verdict, now: datetime) -> Post | None:
    """Schedule another try while it cannot make a second copy and the budget lasts.

    Any other post stays publishing: a true report may still come, and the end of the lease decides.
    """
    settings = deps.settings
    policy = RetryPolicy(settings.max_retries, settings.retry_base_seconds)
    at = now + policy.delay(post.retry_count, deps.random(), verdict.retry_after)
    since = unproven_since(queries.attempts_of(tx, post.id))
    safe = may_resend(settings.unknown_outcome_policy, post.platform, since, at)
    if not safe or post.retry_count >= settings.max_retries:
        return None
    return transitions.retry(tx, post, at=at, counted=True, code=verdict.code, message=verdict.message, now=now)


def _hold(deps: Deps, post: Post, verdict: Verdict, now: datetime) -> timedelta:
    """Return the wait of a post that an operator's slip keeps from going out, at most MAX_DEFERRAL."""
    wait = deferral_since(deps, post.scheduled_at or now, now) / (1 + SPREAD)
    return max(wait, min(timedelta(seconds=verdict.retry_after or 0), MAX_DEFERRAL))


def _after_commit(
    deps: Deps, post: Post, settled: Post | None, verdict: Verdict, sent_at: datetime | None, publisher: str
) -> Dispatched:
    """Raise the alert, arm the next try, and return the result of the delivery."""
    log_settled(post, settled, verdict, sent_at)
    if verdict.alert is not None and verdict.alert != RECONNECT:
        raise_alert(deps, verdict.alert, publisher, CURES[verdict.alert])
    if settled is None:
        return Dispatched("dispatched", "unknown" if verdict.outcome is Outcome.UNKNOWN else None)
    if settled.status is Status.SCHEDULED:
        return Dispatched("retry_scheduled", verdict.code, is_armed(deps, settled))
    return Dispatched("failed", settled.error_code)
