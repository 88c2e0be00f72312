"""Plays one seed from its first draft to the last post's end, and says what came of it."""

from __future__ import annotations

import logging
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from app.delivery import dispatch
from app.log import logger
from tests.simulation import rules
from tests.simulation.database import empty, memory_engine, raw_connection
from tests.simulation.facts import Violation
from tests.simulation.faults import OFTEN
from tests.simulation.kernel import SECOND, Actor, Kernel
from tests.simulation.observer import micros
from tests.simulation.timeline import Listener
from tests.simulation.world import World

LONGEST_DEFERRAL = dispatch.LONGEST_DEFERRAL.total_seconds() * (1 + dispatch.SPREAD)
SLACK = 60.0  # the sweep's own time, the workflow's, and the clocks' error
LONGEST_STRAGGLING = 1800 * SECOND
LAST_LATECOMERS = 3600 * SECOND  # messages and reports that are still under way when every post has ended


@dataclass(slots=True)
class Outcome:
    """What one seed came to; `world` is left out where outcomes travel between processes."""

    seed: int
    posts: int = 0
    sends: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)


class Stage:
    """One process's database and threads, used for seed after seed."""

    def __init__(self) -> None:
        logger.setLevel(logging.CRITICAL)
        self.engine = memory_engine()
        self.raw = raw_connection(self.engine)
        self.kernel = Kernel()

    def close(self) -> None:
        self.kernel.dismiss()
        self.engine.dispose()

    def play(self, seed: int, *, telling: bool = False, also: tuple[str, ...] = ()) -> tuple[Outcome, World]:
        empty(self.raw)
        ids = random.Random(seed)
        with mock.patch.object(uuid, "uuid4", side_effect=lambda: uuid.UUID(int=ids.getrandbits(128), version=4)):
            world = World(seed, self.kernel, self.engine, self.raw, telling=telling)
            world.faults.odds |= dict.fromkeys(also, OFTEN)
            try:
                with _listening(world):
                    _live(world)
            finally:
                world.over = True
                self.kernel.end()
        facts = world.facts
        outcome = Outcome(seed, len(facts.rows), len(facts.sends), world.faults.counts, facts.violations)
        return outcome, world


@contextmanager
def _listening(world: World) -> Iterator[None]:
    """The app's log is off, save where the story is told."""
    if not world.telling:
        yield
        return
    listener, level = Listener(world), logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)


def _live(world: World) -> None:
    """Drafts, then trouble, then calm, at the end of which nobody may be stuck; then the last latecomers."""
    world.faults.calm = True
    first = world.kernel.spawn(_first_actor(world))
    world.kernel.run(60 * SECOND, lambda: first.done)
    world.faults.calm = False
    world.cron.plan()
    if not _run(world, round(world.scenario.active_seconds * SECOND), lambda: False):
        return
    world.tell("fate", "nothing goes wrong any more")
    world.faults.calm = True
    world.authors.reconnect_all()
    stragglers = list(world.kernel.alive)  # those who stand still must wake before all is calm
    if not _run(world, LONGEST_STRAGGLING, lambda: all(actor.done for actor in stragglers)):
        return
    if _run(world, round(_patience(world) * SECOND), world.all_ended):
        world.check(rules.ONCE_CALM, None)
    if _run(world, LAST_LATECOMERS, lambda: _settled(world)):
        world.check(rules.AT_LAST, None)


def _run(world: World, long: int, ended: Callable[[], bool]) -> bool:
    """Let this much time pass, or less if it `ended` before. False once a rule was broken: that ends the story."""
    violations = world.facts.violations
    world.kernel.run(world.kernel.now + long, lambda: bool(violations) or ended())
    return not violations


def _first_actor(world: World) -> Actor:
    actor = Actor("first", 0, lambda: world.authors.prepare(world.deps[0]))
    actor.notes["kind"] = "author"
    return actor


def _settled(world: World) -> bool:
    """Every post is at its end, and nobody is under way to it."""
    return not (world.kernel.alive or world.n8n.pending or world.qstash.pending) and world.all_ended()


def _patience(world: World) -> float:
    """What is due or in hand has its time first; then a sweep's period, and a lease for what that sweep sends."""
    s, rows = world.settings, world.facts.rows.values()
    instants = [micros(text) for row in rows for text in (row.next_attempt_at, row.lease_until) if text]
    wait = max([0, *(instant - world.kernel.now for instant in instants)]) / SECOND
    breaker_open = world.observer.raw.execute("SELECT opened_at FROM breakers").fetchone()
    deferral = LONGEST_DEFERRAL if breaker_open and breaker_open[0] else 0.0
    sweeps = (2 if s.poll_mode else 1) * world.scenario.sweep_seconds  # without messages the next try waits for a sweep
    return wait + deferral + sweeps + s.sweep_grace_seconds + s.publish_lease_seconds + SLACK
