"""Plans the timed events of one seed: sweeps, outages, revocations and authors' actions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.deps import Deps
from app.sweep.sweep import poll
from tests.simulation.facts import Row, key
from tests.simulation.kernel import SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

AHEAD_SECONDS = (3.0, 60.0, 3600.0)  # of an instance's clock, for a while
AHEAD_AT_A_GATE = (0.3, 1.0, 3.0)  # so little that deliveries still wait there
NEAR = SECOND // 50  # µs around an instant, in which a gate holds its claims


class Planner:
    """Plans events at random instants, and more around the due instants and lease ends of changed rows."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sweeps = 0

    def plan(self) -> None:
        world, rng = self._world, self._world.rng
        world.kernel.after(rng.uniform(0, world.scenario.sweep_seconds), self._tick)
        active = world.scenario.active_seconds
        for post_id in world.authors.posts:
            world.kernel.after(rng.uniform(0, 20), partial(self._author_acts, post_id, "schedule"))
            for _ in range(rng.randint(0, 5)):
                world.kernel.after(rng.uniform(0, active), partial(self._author_acts, post_id))
            if world.faults.chance("posted_before"):
                world.kernel.after(rng.uniform(0, active / 2), partial(self._post_by_hand, post_id))
        if world.faults.enabled("account_revoked"):
            for _ in range(rng.randint(1, 3)):
                self._plan_revocation(rng.uniform(0, active))
        if world.faults.enabled("clock_ahead"):
            self._plan_wrong_clock()
        for outage in ("n8n_outage", "qstash_outage", "n8n_restarts", "endpoint_outage"):
            if world.faults.enabled(outage):
                seconds = rng.choice((60.0, 600.0, active)) if outage != "n8n_restarts" else rng.uniform(20, 300)
                world.kernel.after(rng.uniform(0, active / 2), partial(world.start_outage, outage, seconds))
        world.pauses.plan()

    def sweep(self) -> None:
        self._sweeps += 1

        def work(deps: Deps) -> object:
            return poll(deps)

        self._world.actor(f"sweep {self._sweeps}", "sweep", work)

    def plan_contention(self, row: Row, instant: int) -> None:
        """Plan an author's action or a sweep close to this row's due instant or lease end."""
        world, rng = self._world, self._world.rng
        if world.faults.stopped or rng.random() > 0.3 or instant < world.kernel.now - 5 * SECOND:
            return
        when = instant + rng.randint(-2 * SECOND, SECOND)
        if world.scenario.gate is not None and rng.random() < 0.5:
            when = instant + rng.randint(-NEAR, NEAR)
        post_id = next(post_id for post_id in world.authors.posts if key(post_id) == row.id)
        if row.status == "publishing" and rng.random() < 0.5:
            world.kernel.at(when, self._extra_sweep)
        else:
            world.kernel.at(when, lambda: self._author_acts(post_id))

    def _tick(self) -> None:
        world = self._world
        if world.over:
            return
        world.kernel.after(world.scenario.sweep_seconds, self._tick)
        if world.faults.stopped:
            world.authors.reconnect_all()
            world.pauses.resume()
        idle = world.all_ended() and world.rng.random() < 0.8  # a sweep without open posts tests little
        idle = idle and world.all_told()
        if not idle and not world.inject("sweep_missed"):
            self.sweep()
        if world.inject("sweep_doubled"):
            world.kernel.after(world.rng.uniform(0, 5), self._extra_sweep)

    def _extra_sweep(self) -> None:
        if not self._world.over and not self._world.faults.stopped:
            self.sweep()

    def _author_acts(self, post_id: str, action: str | None = None) -> None:
        world = self._world
        if not world.over and not world.faults.stopped:
            world.authors.act_on(post_id, world.facts.rows[key(post_id)], action)

    def _post_by_hand(self, post_id: str) -> None:
        world = self._world
        if not world.over and not world.faults.stopped:
            world.authors.post_by_hand(post_id, world.facts.rows[key(post_id)])

    def _plan_wrong_clock(self) -> None:
        """Put one instance's clock ahead for a while."""
        world, rng = self._world, self._world.rng
        instance = rng.randrange(len(world.clocks))
        seconds = rng.choice(AHEAD_AT_A_GATE if world.scenario.gate is not None else AHEAD_SECONDS)
        lasting = rng.uniform(10, 300)

        def start() -> None:
            world.faults.counts["clock_ahead"] += 1
            world.set_clock_ahead(instance, seconds, lasting)

        world.kernel.after(rng.uniform(0, world.scenario.active_seconds), start)

    def _plan_revocation(self, seconds: float) -> None:
        world = self._world

        def revoke() -> None:
            if not world.faults.stopped:
                world.authors.revoke()
                world.faults.counts["account_revoked"] += 1

        world.kernel.after(seconds, revoke)
        if world.rng.random() < 0.5:
            world.kernel.after(seconds + world.rng.uniform(1, 600), world.authors.reconnect_all)
