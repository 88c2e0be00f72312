"""The instances of the app: each is one process with the app's own gate, or has one process per call. Their deaths.

Invariant: a process with a gate dies as a whole, with every call inside, and its successor begins with an empty gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from app.delivery.gate.gate import Gate
from app.deps import NEAR_SECONDS, Deps
from app.domain.delivery import DeliveryResult, ReadyDelivery
from tests.simulation.facts import key
from tests.simulation.kernel import Actor, Killed
from tests.simulation.threads import Lock, VirtualFuture

if TYPE_CHECKING:
    from tests.simulation.world import World

BACK_SECONDS = (0.005, 0.02, 0.2, 5.0)  # of a clock, while a claim is held
FORWARD_SECONDS = (0.005, 0.02, 3.0)
LASTING_SECONDS = (0.03, 1.0, 60.0)
YIELD_ODDS = 0.03
MAX_YIELD_SECONDS = 0.002
THREAD_LATE_SECONDS = (0.02, 0.3, 2.0, 20.0)


class SimulatedGate:
    """deps.DeliveryGate of one process. Its threads share `notes`: deliveries inside, and attempts claimed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._gate: Gate | None = None
        self.notes: dict[str, Any] = {"kind": "gate", "inside": Counter(), "claimed": {}}

    def deliver(self, deps: Deps, delivery: ReadyDelivery, /) -> DeliveryResult:
        assert self._world.scenario.gate is not None
        self._gate = self._gate or Gate(self._world.scenario.gate.senders)
        delivery.future = VirtualFuture(self._world.instances)
        inside = (key(delivery.post.id), delivery.post.generation)
        self.notes["inside"][inside] += 1
        try:
            return self._gate.deliver(deps, delivery)
        finally:
            self.notes["inside"][inside] -= 1
            self._world.facts.shares["duplicates"] += len(delivery.duplicates)
            self._world.facts.shares["withdrawn seats"] += delivery.seat is not None and delivery.seat.withdrawn
            actor = self._world.kernel.current
            if delivery.claimed is not None and actor is not None:
                actor.notes.setdefault("claimed", {})[inside[0]] = delivery.claimed.attempt

    def is_busy(self, deps: Deps, /, within: float = NEAR_SECONDS) -> bool:
        return self._gate is not None and self._gate.is_busy(deps, within)


class Instances:
    """All instances of one seed, and the stage of their virtual threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.kernel = world.kernel
        self.connection = Lock(self)  # the one connection to the database, shared by all
        self._gates: dict[int, SimulatedGate] = {}
        self._ended: list[Deps] = []  # kept, because the routes know an instance by its identity

    def new_gate(self, instance: int) -> SimulatedGate:
        """Return the gate of a process that begins on this instance."""
        self._gates[instance] = SimulatedGate(self._world)
        return self._gates[instance]

    def yield_now(self) -> None:
        """Let other actors run for a moment, or not."""
        rng, actor = self._world.rng, self.kernel.current
        if actor is not None and rng.random() < YIELD_ODDS:
            self.kernel.pause(MAX_YIELD_SECONDS * rng.random())

    def start_thread(self, name: str, work: Callable[[], None]) -> Actor:
        """Start a thread of the gate in the calling actor's process."""
        assert self.kernel.current is not None
        instance = self.kernel.current.instance
        self._world.facts.shares["extra senders"] += name == "gate_extra_sender"
        thread = Actor(f"{name} of {instance}", instance, work, daemon=True)
        thread.notes = self._gates[instance].notes
        return self.kernel.spawn(thread)

    def may_die_at_gate(self, where: str) -> None:
        """Kill the process by the odds of a gate's death, within a step."""
        actor = self.kernel.current
        if actor is not None and actor.daemon:
            self.may_die(actor, where)

    def may_die(self, actor: Actor, where: str) -> None:
        """Kill the actor's process by the odds of the faults, alone or with all of its instance."""
        world = self._world
        whole = world.scenario.gate is not None
        if actor.daemon and world.inject("gate_death"):
            world.facts.deaths[f"{actor.name.split()[0]}: {where.split()[0]}"] += 1
            self._kill_instance(actor.instance)
        elif world.inject("death"):
            if whole:
                self._kill_instance(actor.instance)
            else:
                self.kernel.kill(actor.root)
        elif world.inject("instance_death"):
            self._kill_instance(actor.instance)
        if actor.dead:
            raise Killed

    def latency_of_thread(self, actor: Actor) -> float:
        """Return the seconds that a step of a gate's thread takes. Instants count by the millisecond there."""
        rng = self._world.rng
        if self._world.inject(f"{actor.name.split()[0].replace('_extra_sender', '_send')}_late"):
            return rng.choice(THREAD_LATE_SECONDS) * rng.random()
        return rng.random() * (0.002 if rng.random() < 0.8 else 0.1)

    def hold_claim(self) -> None:
        """Move the clock, or kill the process, while a claim is written and not committed."""
        world, actor = self._world, self.kernel.current
        assert actor is not None
        world.facts.holds += 1
        self.may_die(actor, "holds its claim")
        actor.began_ahead = False  # the claim looks at the clock again before its commit
        clock, rng = world.clocks[actor.instance], world.rng
        if clock.ahead and world.inject("clock_righted_in_hold"):
            clock.ahead = 0
        elif world.inject("clock_back_in_hold"):
            self._move_clock(actor.instance, -rng.choice(BACK_SECONDS))
        elif world.inject("clock_forward_in_hold"):
            self._move_clock(actor.instance, rng.choice(FORWARD_SECONDS))

    def _move_clock(self, instance: int, seconds: float) -> None:
        lasting = self._world.rng.choice(LASTING_SECONDS) * self._world.rng.random()
        self._world.set_clock_ahead(instance, seconds, lasting)

    def _kill_instance(self, instance: int) -> None:
        world = self._world
        world.record("fate", f"instance {instance} dies")
        for other in [actor for actor in self.kernel.alive if actor.instance == instance]:
            self.kernel.kill(other.root)
        if world.scenario.gate is not None:
            self._ended.append(world.deps[instance])
            world.deps[instance] = world.start_instance(instance)
