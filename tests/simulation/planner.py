"""The cron, and all else that happens by the clock: sweeps, outages, revocations, the authors' wishes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.deps import Deps
from app.sweep.sweep import poll
from tests.simulation.facts import Row, key
from tests.simulation.kernel import SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World


class Cron:
    """Plans one story's events. What follows from a row just written is planned to strike around its instants."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sweeps = 0

    def plan(self) -> None:
        world, rng = self._world, self._world.rng
        world.kernel.after(rng.uniform(0, world.scenario.sweep_seconds), self._tick)
        active = world.scenario.active_seconds
        for post_id in world.authors.posts:
            world.kernel.after(rng.uniform(0, 20), partial(self._wish, post_id, "schedule"))
            for _ in range(rng.randint(0, 5)):
                world.kernel.after(rng.uniform(0, active), partial(self._wish, post_id))
        if world.faults.on("account_revoked"):
            for _ in range(rng.randint(1, 3)):
                self._plan_revocation(rng.uniform(0, active))
        for outage in ("n8n_outage", "qstash_outage"):
            if world.faults.on(outage):
                seconds = rng.choice((60.0, 600.0, active))
                world.kernel.after(rng.uniform(0, active / 2), partial(world.start_outage, outage, seconds))

    def sweep(self) -> None:
        self._sweeps += 1

        def work(deps: Deps) -> object:
            return poll(deps)

        self._world.actor(f"sweep {self._sweeps}", "sweep", work)

    def provoke(self, row: Row, instant: int) -> None:
        """An author or a sweep, just before or just after the instant at which this row is due, or its lease over."""
        world, rng = self._world, self._world.rng
        if world.faults.calm or rng.random() > 0.3 or instant < world.kernel.now - 5 * SECOND:
            return
        when = instant + rng.randint(-2 * SECOND, SECOND)
        post_id = next(post_id for post_id in world.authors.posts if key(post_id) == row.id)
        if row.status == "publishing" and rng.random() < 0.5:
            world.kernel.at(when, self._extra_sweep)
        else:
            world.kernel.at(when, lambda: self._wish(post_id))

    def _tick(self) -> None:
        world = self._world
        if world.over:
            return
        world.kernel.after(world.scenario.sweep_seconds, self._tick)
        if world.faults.calm:
            world.authors.reconnect_all()
        idle = world.all_ended() and world.rng.random() < 0.8  # a sweep over nothing teaches little
        if not idle and not world.strikes("sweep_missed"):
            self.sweep()
        if world.strikes("sweep_doubled"):
            world.kernel.after(world.rng.uniform(0, 5), self._extra_sweep)

    def _extra_sweep(self) -> None:
        if not self._world.over and not self._world.faults.calm:
            self.sweep()

    def _wish(self, post_id: str, wish: str | None = None) -> None:
        world = self._world
        if not world.over and not world.faults.calm:
            world.authors.act_on(post_id, world.facts.rows[key(post_id)], wish)

    def _plan_revocation(self, seconds: float) -> None:
        world = self._world

        def revoke() -> None:
            if not world.faults.calm:
                world.authors.revoke()
                world.faults.counts["account_revoked"] += 1

        world.kernel.after(seconds, revoke)
        if world.rng.random() < 0.5:
            world.kernel.after(seconds + world.rng.uniform(1, 600), world.authors.reconnect_all)
