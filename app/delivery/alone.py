"""Deliver one due post by itself: claim, send, settle. The gate does the same for many and falls back to this."""

from __future__ import annotations

from app.delivery.claim import claim
from app.delivery.send import send
from app.delivery.settle import settle
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
    unsent = send(deps, delivery) if delivery.verdict is None else None
    return unsent or _settle(deps, delivery)


def _settle(deps: Deps, delivery: ReadyDelivery) -> Dispatched:
    assert delivery.claimed is not None
    assert delivery.verdict is not None
    circuit = delivery.circuit if delivery.sent_at is not None else None
    return settle(deps, delivery.claimed, delivery.verdict, sent_at=delivery.sent_at, circuit=circuit)
