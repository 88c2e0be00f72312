"""Deliver one due post by itself: claim, send, settle. The gate does the same for many and falls back to this."""

from __future__ import annotations

from datetime import timedelta

from app.delivery.claim import claim
from app.delivery.send import send
from app.delivery.settle import settle, settle_unsent
from app.deps import Deps
from app.domain.delivery import DeliveryResult, Dispatched, ReadyDelivery, TurnedAway

ROOM_NAP = timedelta(milliseconds=20)  # between two looks for room


def deliver_alone(deps: Deps, delivery: ReadyDelivery) -> DeliveryResult:
    """Do the rest of claim, send and settle for one due delivery.

    Raises: Unavailable where nothing was recorded.
    """
    if delivery.claimed is None:
        if not _enter(deps, delivery):
            return TurnedAway.NO_ROOM
        lost = _claim(deps, delivery)
        if lost is not None:
            return lost
    if delivery.verdict is None:
        try:
            send(deps, delivery)
        finally:
            deps.in_flight.sent(delivery)
    return _settle(deps, delivery)


def _enter(deps: Deps, delivery: ReadyDelivery) -> bool:
    """Wait for room in flight. Return False if there is none in time."""
    is_waiting = False
    while not deps.in_flight.try_enter_alone(delivery, now := deps.clock.now(), is_waiting=is_waiting):
        is_waiting = True
        if delivery.claim_by is not None and now >= delivery.claim_by:
            deps.in_flight.stop_waiting(delivery)
            return False
        deps.clock.sleep_until(now + ROOM_NAP)
    return True


def _claim(deps: Deps, delivery: ReadyDelivery) -> DeliveryResult | None:
    """Claim the delivery. Return its result where the claim was lost."""
    try:
        [lost] = claim(deps, [delivery])
    except Exception:
        deps.in_flight.leave(delivery)
        raise
    if lost is not None:
        deps.in_flight.leave(delivery)
    return lost


def _settle(deps: Deps, delivery: ReadyDelivery) -> Dispatched:
    assert delivery.claimed is not None
    assert delivery.verdict is not None
    if delivery.sent_at is None:
        return settle_unsent(deps, delivery.claimed, delivery.verdict)
    return settle(
        deps,
        delivery.claimed,
        delivery.verdict,
        sent_at=delivery.sent_at,
        answered_at=delivery.answered_at,
        circuit=delivery.circuit,
    )
