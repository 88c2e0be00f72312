"""A process that shares the bound of posts in flight with others."""

from dataclasses import replace

from app.delivery.gate.sharing import Sharing
from app.deps import Deps
from app.domain.in_flight import InFlight
from app.domain.lanes import Lanes
from tests.support.world import World


class Process:
    """The part of a process that shares: its deps, and its number of deliveries.

    With `index` it shares the sends to that one of several publishers.
    """

    def __init__(self, world: World, fixed: int | None = None, wanted: int = 100, index: int = 0) -> None:
        self.bound = InFlight(fixed, shared=True)
        lanes = [InFlight(fixed, shared=True) for _ in range(index)]
        self.deps: Deps = replace(world.deps, in_flight=Lanes([*lanes, self.bound]) if lanes else self.bound)
        self.wanted, self.noticed = wanted, 0
        self.sharing = Sharing(lambda: self.wanted, self._notice, index)

    def _notice(self) -> None:
        self.noticed += 1

    def renew(self) -> bool:
        return self.sharing.renew(self.deps)

    def enter(self) -> int:
        """Put as many deliveries in flight as there is room for."""
        return self.bound.reserve(1000, self.deps.clock.now())

    def leave(self, number: int) -> None:
        self.bound.enter([], reserved=number)

    @property
    def limit(self) -> int:
        return self.bound.limit(self.deps.clock.now())
