"""Claim ready deliveries: many in one transaction, committed at their instant.

Invariant: no claim is committed before the due instant, and of several deliveries of one post at most one is claimed.
The instant is due by this host's clock and, within a tolerance, by the database's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.delivery import DeliveryResult, Dispatched, ReadyDelivery, TurnedAway
from app.store.operations import pauses
from app.store.posts import leases, queries, transitions
from app.store.posts.claim_sql import Intent

MAX_HOLD_SECONDS = 0.05  # of a claim's transaction, which lasts longer only when the clock is set back
SLICE_SECONDS = 0.01
OVERSLEEP_SECONDS = 0.0003  # a sleeper wakes this much late, so the last part is spent polling the clock


class ClockSetBack(Exception):
    """The clock was set back while a claim was held for its instant."""


def claim(
    deps: Deps, group: Sequence[ReadyDelivery], at: datetime | None = None, *, skip_locked: bool = False
) -> list[DeliveryResult | None]:
    """Claim the deliveries of `group` in one transaction. Return each one's result, None where it was claimed.

    With `at`, the instant is some milliseconds ahead: the claims are written now and committed at `at`. With
    `skip_locked`, a post held by another transaction is not waited for. Its delivery gets a result and `locked`.

    Raises: Unavailable, or ClockSetBack. Nothing was claimed then.
    """
    now = at or deps.clock.now()
    ahead = 0.0 if at is None else max((at - deps.clock.now()).total_seconds(), 0.0)  # the database's clock goes on
    lease_until = now + timedelta(seconds=deps.settings.publish_lease_seconds)
    intents = [_intent(delivery, ahead) for delivery in group]
    with deps.db.transaction() as tx:
        won = transitions.claim(tx, intents, now=now, lease_until=lease_until, skip_locked=skip_locked)
        lost = [delivery.post for index, delivery in enumerate(group) if index not in won]
        accounts = queries.accounts_of(tx, lost) if lost else {}
        is_paused = bool(lost) and pauses.read(tx) is not None
        locked = leases.still_scheduled(tx, lost) if lost and skip_locked else ()
        compared = lost and deps.database_clock and not skip_locked
        early = leases.early_by_database(tx, lost, now) if compared else {}
        if at is not None:
            _hold_until(deps, at)
    for index, delivery in enumerate(group):
        delivery.claimed, delivery.lease_until = won.get(index), lease_until
        delivery.locked = index not in won and delivery.post.id in locked
        delivery.early_by = early.get(delivery.post.id) if index not in won else None
        if index not in won and delivery.due > now:  # this host's clock was set back since the look at it
            delivery.early_by = delivery.due - now
    if is_paused:
        return [None if d.claimed is not None else TurnedAway.PAUSED for d in group]
    return [None if d.claimed is not None else _loss(d, accounts.get(d.post.id) != d.account) for d in group]


def _intent(d: ReadyDelivery, ahead: float) -> Intent:
    """Return the intent of a claim that is committed so many seconds from now."""
    woken_at, late_ms = d.message.woken_at, d.message.late_ms
    sending = d.blocked is None
    tolerance = d.tolerance if d.tolerance is None else d.tolerance + ahead
    return Intent(
        *(d.post.id, d.post.generation, d.account, d.trigger, sending, d.version, tolerance, woken_at, late_ms),
        publisher=d.publisher if sending else None,
    )


def _loss(delivery: ReadyDelivery, account_changed: bool) -> DeliveryResult:
    """Return why the claim was lost. A post with a verdict on one version may have been edited: look again."""
    is_early = delivery.early_by is not None and delivery.early_by > timedelta(0)
    if account_changed and not is_early:
        return TurnedAway.ACCOUNT_CHANGED
    if is_early or (delivery.early_by is not None and delivery.version is None):
        return TurnedAway.TOO_EARLY
    return Dispatched("ignored", "busy") if delivery.version is None else TurnedAway.POST_CHANGED


def _hold_until(deps: Deps, at: datetime) -> None:
    """Keep the transaction open until the instant. A writer of the same posts waits for it.

    Raises: ClockSetBack after MAX_HOLD_SECONDS.
    """
    ends = time.monotonic() + MAX_HOLD_SECONDS
    while (left := (at - deps.clock.now()).total_seconds()) > 0:
        if time.monotonic() > ends:
            raise ClockSetBack()
        time.sleep(max(min(left, SLICE_SECONDS) - OVERSLEEP_SECONDS, 0))
