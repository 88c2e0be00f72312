"""Deliver one due post by itself: claim, send, settle. The gate does the same for many and falls back to this."""

from __future__ import annotations

from app.delivery.claim import claim
from app.delivery.send import send
from app.delivery.settle import settle, settle_unsent
from app.deps import Deps
from app.domain.delivery import DeliveryResult, Dispatched, ReadyDelivery


def deliver_alone(deps: Deps, delivery: ReadyDelivery) -> DeliveryResult:
    """Do the rest of claim, send and settle for one due delivery.

    Raises: Unavailable where nothing was recorded.
    """
    if delivery.claimed is None:
        [lost] = claim(deps, [delivery])
        if lost is not None:
            return lost
    if delivery.verdict is None:
        send(deps, delivery)
    return _settle(deps, delivery)


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
