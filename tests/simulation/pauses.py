"""The pause of all sending in some worlds: an operator pauses, and resumes after a while.

Its own random numbers leave the other worlds as they are.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from app.deps import Deps
from app.pause import pause, resume

if TYPE_CHECKING:
    from tests.simulation.scenario import Focus
    from tests.simulation.world import World

PAUSED = 0.15  # of the worlds


class Pauses:
    """The operator of one world. Commands may die, and are then given again."""

    def __init__(self, world: World, seed: int, focus: Focus) -> None:
        self._world = world
        self._rng = random.Random(f"pauses {seed}")
        self.happen = self._rng.random() < PAUSED if focus.pauses is None else focus.pauses

    def plan(self) -> None:
        if not self.happen:
            return
        world, rng = self._world, self._rng
        for _ in range(rng.randint(1, 3)):
            start = rng.uniform(0, world.scenario.active_seconds)
            world.kernel.after(start, self._pause)
            world.kernel.after(start + rng.choice((1.0, 30.0, 300.0)) * rng.random(), self.resume)

    def resume(self) -> None:
        """End the pause. Called in each tick after the faults too, because a command may have died."""
        if self.happen and not self._world.over:
            self._world.actor("resume", "operator", lambda deps: resume(deps))

    def _pause(self) -> None:
        world = self._world

        def work(deps: Deps) -> object:
            world.faults.counts["sending_paused"] += 1
            return pause(deps, "by the simulation")

        if not world.over and not world.faults.stopped:
            world.actor("pause", "operator", work)
