"""One delivery: admit, wait for the instant, claim, send, settle. The one door for every delivery, whoever asks.

Promise: never before the due instant, never for an old generation, at most one send per claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.arming import arm
from app.deps import Deps
from app.domain.fences import idempotency_key, longest_wait
from app.domain.lifecycle import Status
from app.domain.outcomes import SENTENCES, Outcome, Verdict, read_reply
from app.domain.ports import Submission
from app.domain.post import Account, Post
from app.log import emit
from app.refreshing import with_fresh_token
from app.settling import Dispatched, settle
from app.store import accounts, alarms, breaker, posts, queries

HOLD_FOR = timedelta(minutes=15)  # a post whose account must be reconnected looks again this often
LONGEST_DEFERRAL = timedelta(minutes=5)
SPREAD = 0.2  # deferred posts come back spread over this part of their wait, not all at once


@dataclass(frozen=True, slots=True)
class _Ready:
    """What was made ready before the instant, so that the claim is followed by the send and by nothing else.
    `blocked` is a code of SENTENCES when the post cannot be sent at all."""

    account: Account | None
    access_token: str
    circuit: breaker.Breaker
    blocked: str | None = None


def dispatch(deps: Deps, post_id: str, generation: int, trigger: str, message_id: str | None = None) -> Dispatched:
    """Handle one delivery. Raises Unavailable only where nothing was recorded, so that it may come again."""
    result = _dispatch(deps, post_id, generation, trigger, message_id)
    emit(
        "post.dispatch",
        post_id=post_id,
        generation=generation,
        trigger=trigger,
        status=result.status,
        reason=result.reason,
    )
    return result


def _dispatch(deps: Deps, post_id: str, generation: int, trigger: str, message_id: str | None) -> Dispatched:
    with deps.db.reading() as connection:
        post = _admit(queries.post_by_id(connection, post_id), generation)
        if isinstance(post, Dispatched):
            return post
        account, circuit = queries.account_of(connection, post), breaker.read(connection)
    assert post.next_attempt_at is not None  # the CHECK keeps it while scheduled
    if post.next_attempt_at - deps.clock.now() > longest_wait(deps.settings.dispatch_lead_seconds):
        return _rearm(deps, post, message_id, exact=True)
    ready = _make_ready(deps, post, account, circuit, message_id)
    if isinstance(ready, Dispatched):
        return ready
    if not _wait(deps, post.next_attempt_at):
        return _rearm(deps, post, message_id, exact=False)
    sent = _claim_and_send(deps, post, ready, trigger)
    return sent or _dispatch(deps, post_id, generation, trigger, message_id)  # once more, with the account as it is now


def _admit(post: Post | None, generation: int) -> Post | Dispatched:
    """The post, when it is there, scheduled, and the delivery's intent is still the author's."""
    if post is None:
        return Dispatched("ignored", "unknown")
    if post.generation != generation:
        return Dispatched("ignored", "stale")
    if post.status is not Status.SCHEDULED:
        return Dispatched("ignored", "busy" if post.status is Status.PUBLISHING else post.status.value)
    return post


def _rearm(deps: Deps, post: Post, message_id: str | None, *, exact: bool) -> Dispatched:
    """Too early to wait for, or no room to wait: set the alarm anew before this one is acknowledged, unless another
    one than the delivered is pending already, so that a duplicate does not breed."""
    if message_id is not None and post.message_id not in (None, message_id):
        return Dispatched("early", "armed_already")
    unchanged = posts.unchanged(post)
    with deps.db.transaction() as tx:
        counted = alarms.count_arming(tx, [post.id], unchanged, now=deps.clock.now(), swept=False)
    for counted_post in counted:
        arm(deps, counted_post, exact=exact)
    return Dispatched("early", "armed_again" if counted else "changed")


def _make_ready(
    deps: Deps, post: Post, account: Account | None, circuit: breaker.Breaker, message_id: str | None
) -> _Ready | Dispatched:
    """Token and connection, or the reason why this post must wait or cannot go."""
    now = deps.clock.now()
    if deps.publisher is None:
        return _defer(deps, post, now + _cooldown(deps), "publisher_not_configured", "publisher_unreachable")
    account = with_fresh_token(deps, account, post.next_attempt_at or now)
    if account is not None and account.status == accounts.RECONNECT_REQUIRED:
        return _defer(deps, post, now + HOLD_FOR, "account_on_hold", "reconnect_required")
    token = _token(deps, account)
    if token is None or _is_missed(deps, post, max(now, post.next_attempt_at or now)):
        return _Ready(account, "", circuit, blocked="missed" if token else "account_missing")
    if circuit.opened_at is not None:
        # Only at the instant: a probe that is taken and then not sent, for want of room to wait, would be lost to all.
        if post.next_attempt_at is None or not _wait(deps, post.next_attempt_at):
            return _rearm(deps, post, message_id, exact=False)
        now = deps.clock.now()
        if not _take_probe(deps, circuit, now):
            wait = min(max((now - circuit.opened_at) / 2, _cooldown(deps)), LONGEST_DEFERRAL)
            at = now + wait * (1 + SPREAD * deps.random())
            return _defer(deps, post, at, "breaker_open", "publisher_unreachable")
    deps.publisher.warm()
    return _Ready(account, token, circuit)


def _cooldown(deps: Deps) -> timedelta:
    return timedelta(seconds=deps.settings.breaker_cooldown_seconds)


def _token(deps: Deps, account: Account | None) -> str | None:
    if account is None or deps.vault is None:
        return None
    try:
        return deps.vault.decrypt(account.access_token)
    except ValueError:
        emit("account.token_unreadable", account_id=account.id)
        return None


def _take_probe(deps: Deps, circuit: breaker.Breaker, now: datetime) -> bool:
    if circuit.probe_at is None or circuit.probe_at > now:
        return False
    until = now + max(_cooldown(deps), timedelta(seconds=deps.settings.n8n_timeout_seconds))
    with deps.db.transaction() as tx:
        return breaker.take_probe(tx, circuit, now, until)


def _defer(deps: Deps, post: Post, at: datetime, reason: str, code: str) -> Dispatched:
    """Later, at no cost to the budget: nothing was tried."""
    with deps.db.transaction() as tx:
        deferred = posts.defer(tx, post, at=at, code=code, message=SENTENCES[code], now=deps.clock.now(), reason=reason)
    if deferred is None:
        return Dispatched("ignored", "changed")
    arm(deps, deferred)
    return Dispatched("retry_scheduled", reason)


def _wait(deps: Deps, due: datetime) -> bool:
    """Sleep until the instant; False when as many as may wait already do, so that those who are due find a worker."""
    if due <= deps.clock.now():
        return True
    if deps.waiting is None or not deps.waiting.acquire(blocking=False):
        return False
    try:
        deps.clock.sleep_until(due)
    finally:
        deps.waiting.release()
    return True


def _claim_and_send(deps: Deps, post: Post, ready: _Ready, trigger: str) -> Dispatched | None:
    """None when the account is not what was made ready: reconnected meanwhile, or no longer to be used."""
    now = deps.clock.now()
    lease_until = now + timedelta(seconds=deps.settings.publish_lease_seconds)
    sending = ready.blocked is None
    with deps.db.transaction() as tx:
        if queries.account_of(tx, post) != ready.account:
            return None
        claimed = posts.claim(tx, post, now=now, lease_until=lease_until, trigger=trigger, sending=sending)
    if claimed is None:
        return Dispatched("ignored", "busy")
    if ready.blocked is not None or deps.publisher is None or ready.account is None:
        code = ready.blocked or "account_missing"
        return settle(deps, claimed, Verdict(Outcome.PERMANENT, code, SENTENCES[code]))
    # After a freeze the sweep may have given the post to another, or may do so before n8n has answered us.
    if deps.clock.now() >= lease_until - timedelta(seconds=deps.settings.n8n_timeout_seconds):
        return Dispatched("ignored", "lease_over")
    reply = deps.publisher.send(_submission(deps, claimed, ready.account, ready.access_token))
    verdict = read_reply(reply, deps.clock.now())
    return settle(deps, claimed, verdict, sent_at=reply.sent_at, circuit=ready.circuit)


def _is_missed(deps: Deps, post: Post, now: datetime) -> bool:
    """Later than the operator allows, counted from the promise, or from a retry by hand: that is a wish for now."""
    limit = deps.settings.max_lateness_seconds
    if limit is None or post.scheduled_at is None or now - post.scheduled_at <= timedelta(seconds=limit):
        return False
    with deps.db.reading() as connection:
        wished = queries.generation_began(connection, post) or post.scheduled_at
    return now - max(wished, post.scheduled_at) > timedelta(seconds=limit)


def _submission(deps: Deps, post: Post, account: Account, access_token: str) -> Submission:
    """What the claim returned is what is sent, so that an edit answered a moment ago is in it."""
    assert post.scheduled_at is not None
    base = deps.settings.public_base_url
    return Submission(
        post_id=post.id,
        user_id=post.user_id,
        access_token=access_token,
        person_urn=account.external_id,
        content=post.content,
        image_url=post.image_url,
        platform=post.platform,
        post_type=post.post_type,
        media=tuple(post.media),
        scheduled_at=post.scheduled_at,
        attempt=post.attempt,
        idempotency_key=idempotency_key(post.id, post.attempt),
        callback_url=f"{base}/api/webhooks/publish-status" if base else None,
        claim_url=f"{base}/api/webhooks/claim" if base else None,
    )
