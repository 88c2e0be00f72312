"""Delivery without threads: each item alone, in the caller's thread. For tests and the simulation."""

from collections.abc import Callable, Iterable
from typing import Any

from app.delivery.alone import deliver_alone
from app.delivery.seats import wait_until
from app.deps import NEAR_SECONDS, Deps
from app.domain.delivery import DeliveryResult, ReadyDelivery, TurnedAway


class OneByOne:
    """A deps.DeliveryGate without threads."""

    def deliver(self, deps: Deps, delivery: ReadyDelivery, /) -> DeliveryResult:
        return deliver_alone(deps, delivery) if wait_until(deps, delivery.post, delivery.due) else TurnedAway.NO_SEAT

    def is_busy(self, _deps: Deps, /, within: float = NEAR_SECONDS) -> bool:
        return False


def one_by_one(work: Callable[[Any], Any], items: Iterable[Any], _at_a_time: int) -> list[Any]:
    """Run `work` over the items, one after the other."""
    return [work(item) for item in items]
