"""One delivery: admit, wait for the instant, claim, send, settle. The one door for every delivery, whoever asks.

Promise: never before the due instant, never for an old generation, at most one send per claim.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from app.accounts.refresh import with_fresh_token
from app.alarms import arm
from app.delivery import media, pacing
from app.delivery.send import Standing, TurnedAway, wait
from app.delivery.settle import Dispatched
from app.deps import Deps
from app.domain.breaker import Breaker
from app.domain.explanations import SENTENCES
from app.domain.keys import longest_wait
from app.domain.lifecycle import Status
from app.domain.post import Account, Post
from app.log import emit
from app.store.accounts import accounts
from app.store.operations import breaker
from app.store.posts import arming, queries, transitions

HOLD_FOR = timedelta(minutes=15)  # a post whose account must be reconnected looks again this often
LONGEST_DEFERRAL = timedelta(minutes=5)
SPREAD = 0.2  # deferred posts come back spread over this part of their wait, not all at once


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
        found, account, circuit = queries.delivery_of(connection, post_id)
    post = _admit(found, generation)
    if isinstance(post, Dispatched):
        return post
    assert post.next_attempt_at is not None  # the CHECK keeps it while scheduled
    if post.next_attempt_at - deps.clock.now() > longest_wait(deps.settings.dispatch_lead_seconds):
        return _rearm(deps, post, message_id, exact=True)
    ready = _make_ready(deps, post, account, circuit, trigger, message_id)
    passed: Dispatched | TurnedAway = deps.gate.pass_through(deps, ready) if isinstance(ready, Standing) else ready
    if passed is TurnedAway.NO_ROOM:
        return _rearm(deps, post, message_id, exact=False)
    if passed is TurnedAway.CHANGED:  # once more, with the account as it is now
        return _dispatch(deps, post_id, generation, trigger, message_id)
    return passed


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
    unchanged = transitions.unchanged(post)
    with deps.db.transaction() as tx:
        counted = arming.count_arming(tx, [post.id], unchanged, now=deps.clock.now(), swept=False)
    for counted_post in counted:
        arm(deps, counted_post, exact=exact)
    return Dispatched("early", "armed_again" if counted else "changed")


def _make_ready(
    deps: Deps, post: Post, account: Account | None, circuit: Breaker, trigger: str, message_id: str | None
) -> Standing | Dispatched:
    """All that can be done before the instant, or the answer where the post must wait."""
    now = deps.clock.now()
    due = post.next_attempt_at or now
    if deps.publisher is None:
        return _defer(deps, post, now + _cooldown(deps), "publisher_not_configured", "publisher_unreachable")
    account = with_fresh_token(deps, account, due)
    if account is not None and account.status == accounts.RECONNECT_REQUIRED:
        return _defer(deps, post, now + HOLD_FOR, "account_on_hold", "reconnect_required")
    token = _token(deps, account)
    if token is None or _is_missed(deps, post, max(now, due)):
        return Standing(post, due, trigger, account, "", circuit, blocked="missed" if token else "account_missing")
    if pacing.is_paced(deps):
        deps.publisher.warm()  # or the connection would be opened between the turn and the send
        if not wait(deps, due):
            return _rearm(deps, post, message_id, exact=False)
        moved = pacing.take_turn(deps, post, partial(wait, deps))
        if moved is not None:
            return moved
        now = deps.clock.now()
    if circuit.opened_at is not None:
        # Only at the instant: a probe that is taken and then not sent, for want of room to wait, would be lost to all.
        if not wait(deps, due):
            return _rearm(deps, post, message_id, exact=False)
        now = deps.clock.now()
        if not _take_probe(deps, circuit, now):
            longer = min(max((now - circuit.opened_at) / 2, _cooldown(deps)), LONGEST_DEFERRAL)
            at = now + longer * (1 + SPREAD * deps.random())
            return _defer(deps, post, at, "breaker_open", "publisher_unreachable")
    deps.publisher.warm()
    # A probe goes out whatever its media are: if it is taken and then not sent, nobody learns that n8n is back.
    blocked = media.trouble(deps, post, due) if circuit.opened_at is None else None
    return Standing(post, due, trigger, account, token, circuit, blocked)


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


def _take_probe(deps: Deps, circuit: Breaker, now: datetime) -> bool:
    if circuit.probe_at is None or circuit.probe_at > now:
        return False
    until = now + max(_cooldown(deps), timedelta(seconds=deps.settings.n8n_timeout_seconds))
    with deps.db.transaction() as tx:
        return breaker.take_probe(tx, circuit, now, until)


def _defer(deps: Deps, post: Post, at: datetime, reason: str, code: str) -> Dispatched:
    """Later, at no cost to the budget: nothing was tried."""
    with deps.db.transaction() as tx:
        deferred = transitions.defer(
            tx, post, at=at, code=code, message=SENTENCES[code], now=deps.clock.now(), reason=reason
        )
    if deferred is None:
        return Dispatched("ignored", "changed")
    arm(deps, deferred)
    return Dispatched("retry_scheduled", reason)


def _is_missed(deps: Deps, post: Post, now: datetime) -> bool:
    """Later than the operator allows, counted from the promise, or from a retry by hand: that is a wish for now."""
    limit = deps.settings.max_lateness_seconds
    promised = pacing.moved_to(post) or post.scheduled_at  # what we moved ourselves is not dropped for that
    if limit is None or promised is None or now - promised <= timedelta(seconds=limit):
        return False
    with deps.db.reading() as connection:
        wished = queries.generation_began(connection, post) or promised
    return now - max(wished, promised) > timedelta(seconds=limit)
