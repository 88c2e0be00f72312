"""Prepare a delivery: all work that does not need the instant.

Invariant: a delivery that passes here has its token, its turn and an open connection, and waits for the instant alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from app.alerts import raise_alert
from app.delivery import media, pacing
from app.delivery.postpone import ACCOUNT_HOLD, defer, deferral_since, rearm
from app.delivery.seats import wait_until
from app.delivery.send import warm
from app.delivery.unproven import unproven_since
from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.breaker import Breaker
from app.domain.delivery import DeliveredMessage, Dispatched, ReadyDelivery
from app.domain.fairness import owner_of
from app.domain.post import Account, Post, Trigger
from app.domain.resend import may_resend
from app.domain.sealing import access_token_of
from app.domain.times import CLOCK_TOLERANCE
from app.log import emit
from app.store.accounts import accounts
from app.store.operations import alerts, breaker
from app.store.posts import queries


def prepare(
    deps: Deps,
    post: Post,
    account: Account | None,
    circuits: tuple[Breaker, ...],
    trigger: Trigger,
    message: DeliveredMessage,
    *,
    check_media: bool = True,
) -> ReadyDelivery | Dispatched:
    """Return the delivery ready for its instant, or its result where the post has to wait for something else."""
    now = deps.clock.now()
    due = post.next_attempt_at or now
    since = unproven_since(deps, post)
    circuit = circuits[0]
    deps.in_flight.see(circuits, deps.settings.breaker_threshold)
    if not may_resend(deps.settings.unknown_outcome_policy, post.platform, since, max(now, due)):
        return _blocked(post, due, trigger, account, circuits, "outcome_unknown")
    if deps.publisher is None:
        return _defer_misconfigured(deps, post, message, "publisher_not_configured", "n8n")
    if account is not None:
        account = deps.renew_account(deps, account, due)
    if account is not None and account.status == accounts.RECONNECT_REQUIRED:
        return defer(deps, post, message, now + ACCOUNT_HOLD, "account_on_hold", "reconnect_required")
    trigger = "manual" if _is_manual(deps, post, trigger) else trigger
    if account is None or _is_missed(deps, post, max(now, due)):
        code = "missed" if account else "account_missing"
        return _blocked(post, due, trigger, account, circuits, code)
    if _cannot_renew(deps, account, max(now, due)):
        return _defer_misconfigured(deps, post, message, "authorization_refused", "linkedin")
    token = _token(deps, account)
    if token is None:
        return _defer_misconfigured(deps, post, message, "tokens_unreadable", "TOKEN_ENCRYPTION_KEYS")
    if pacing.is_paced(deps):
        # Before the turn, or the connection would be opened between the turn and the send.
        warm(deps, _passing(deps, post, circuits) or (0,))
        if not wait_until(deps, post, due):
            return rearm(deps, post, message, exact=False)
        moved = pacing.take_turn(deps, post, message, partial(wait_until, deps, post))
        if moved is not None:
            return moved
    allowed, probe = _passing(deps, post, circuits), None
    if not allowed or _wants_probe(deps, circuits, allowed):
        # The probe is taken at the instant. Taken earlier and not sent for want of a seat, it would be lost to all.
        if not wait_until(deps, post, due):
            return rearm(deps, post, message, exact=False)
        shut = [each for each in circuits if each.index not in allowed]
        probe = next((each for each in shut if _take_probe(deps, each, deps.clock.now())), None)
        if probe is None and not allowed:
            since_open = min(each.opened_at or due for each in shut)
            return _defer_since(deps, post, message, since_open, "breaker_open", "publisher_unreachable")
    if probe is not None:
        circuit, allowed = probe, (probe.index,)
    warm(deps, allowed)
    # A probe ignores the media: taken and then not sent, it would leave unknown if n8n is back.
    # A post that may be out ignores them too: only another send can settle it.
    looks = check_media and probe is None and since is None
    blocked = media.find_fault(deps, post, due) if looks else None
    version = post.updated_at if blocked is not None else None
    ready = ReadyDelivery(post, due, trigger, account, token, circuit, blocked, version, since)
    ready.circuits, ready.allowed, ready.is_probe = circuits, allowed, probe is not None
    return ready


def _blocked(
    post: Post, due: datetime, trigger: Trigger, account: Account | None, circuits: tuple[Breaker, ...], code: str
) -> ReadyDelivery:
    """Return the delivery of a post that is claimed to be failed. No publisher gets it, so each one's room will do."""
    delivery = ReadyDelivery(post, due, trigger, account, "", circuits[0], blocked=code)
    delivery.allowed = tuple(each.index for each in circuits)
    return delivery


def _passing(deps: Deps, post: Post, circuits: tuple[Breaker, ...]) -> tuple[int, ...]:
    """Return the places of the publishers whose breakers let the post's owner pass."""
    threshold, owner = deps.settings.breaker_threshold, owner_of(post)
    return tuple(each.index for each in circuits if not each.is_open_for(owner, threshold))


def _wants_probe(deps: Deps, circuits: tuple[Breaker, ...], allowed: tuple[int, ...]) -> bool:
    """Return True if this delivery is to try a publisher whose breaker is open, though another one is closed."""
    now = deps.clock.now()
    shut = (each for each in circuits if each.index not in allowed)
    return any(_is_probe_due(deps, each, now) and deps.in_flight.may_probe(each.index, now) for each in shut)


def _cooldown(deps: Deps) -> timedelta:
    return timedelta(seconds=deps.settings.breaker_cooldown_seconds)


def _is_manual(deps: Deps, post: Post, trigger: Trigger) -> bool:
    """Return True if a person asked for this attempt now: publish now, or a retry by hand.

    Only a row that was due at the moment of its last change can be one, so a planned post costs no read.
    """
    if post.next_attempt_at is None or post.next_attempt_at > post.updated_at:
        return False
    is_swept = trigger == "sweep" or (trigger == "message" and post.swept_at is not None)
    if is_swept or post.error_code is not None:
        return False
    with deps.db.reading() as connection:
        return queries.is_due_by_hand(connection, post)


def _cannot_renew(deps: Deps, account: Account, due: datetime) -> bool:
    """Return True if the token has expired and the platform refuses our app's own credentials.

    The platform would refuse the post too, and its author could mend nothing.
    """
    if account.expires_at is None or account.expires_at > due or not account.renewable:
        return False
    with deps.db.reading() as connection:
        return "linkedin" in alerts.subjects(connection, "authorization_refused")


def _token(deps: Deps, account: Account) -> str | None:
    """Return the account's access token in clear, None without a key for it."""
    if deps.vault is None:
        return None
    try:
        return deps.vault.decrypt(account.access_token, access_token_of(account.id))
    except ValueError:
        emit("account.token_unreadable", account_id=account.id)
        return None


def _take_probe(deps: Deps, circuit: Breaker, now: datetime) -> bool:
    """Return True if this delivery may try n8n, as the only one while the breaker is open."""
    if not _is_probe_due(deps, circuit, now):
        return False
    with deps.db.transaction() as tx:
        return breaker.take_probe(tx, circuit, now, _probe_end(deps, now))


def _is_probe_due(deps: Deps, circuit: Breaker, now: datetime) -> bool:
    """Return True if the breaker's next probe is due, or was set by a clock ahead of time."""
    return circuit.probe_at is not None and not now < circuit.probe_at <= _probe_end(deps, now) + CLOCK_TOLERANCE


def _probe_end(deps: Deps, now: datetime) -> datetime:
    return now + max(_cooldown(deps), timedelta(seconds=deps.settings.n8n_timeout_seconds))


def _defer_misconfigured(deps: Deps, post: Post, message: DeliveredMessage, reason: str, subject: str) -> Dispatched:
    """Raise the operator's alert and defer the post: a slip in the settings must not fail an author's post."""
    raise_alert(deps, reason, subject, CURES[reason])
    return _defer_since(
        deps, post, message, post.scheduled_at or deps.clock.now(), reason, "installation_misconfigured"
    )


def _defer_since(
    deps: Deps, post: Post, message: DeliveredMessage, since: datetime, reason: str, code: str
) -> Dispatched:
    """Defer by half the time that the cause has lasted, at most MAX_DEFERRAL."""
    now = deps.clock.now()
    return defer(deps, post, message, now + deferral_since(deps, since, now), reason, code)


def _is_missed(deps: Deps, post: Post, now: datetime) -> bool:
    """Return True if the post is later than MAX_LATENESS_SECONDS allows.

    Lateness counts from the promise, from the instant that its account's pace moved it to, or from a retry by hand.
    """
    limit = deps.settings.max_lateness_seconds
    promised = pacing.moved_to(post) or post.scheduled_at
    if limit is None or promised is None or now - promised <= timedelta(seconds=limit):
        return False
    with deps.db.reading() as connection:
        wished = queries.generation_began(connection, post) or promised
    return now - max(wished, promised) > timedelta(seconds=limit)
