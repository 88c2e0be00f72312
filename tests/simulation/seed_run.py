"""Runs one seed from its first draft until every post has ended, and returns the outcome."""

from __future__ import annotations

import logging
import math
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from app.delivery import postpone
from app.log import logger
from tests.simulation import rules
from tests.simulation.database import empty, memory_engine, raw_connection
from tests.simulation.facts import Row, Violation
from tests.simulation.gate import virtual_gate
from tests.simulation.kernel import SECOND, Actor, Kernel
from tests.simulation.observer import micros
from tests.simulation.routes import Routes
from tests.simulation.scenario import ANYWHERE, Focus
from tests.simulation.timeline import LogRecorder
from tests.simulation.world import World

MAX_DEFERRAL_SECONDS = postpone.MAX_DEFERRAL.total_seconds() * (1 + postpone.SPREAD)
SLACK = 60.0  # seconds for the sweep, the workflow and the clocks' error
MAX_FREEZE = 1800 * SECOND
MAX_LATE_DELIVERY = 3600 * SECOND  # of messages and reports still in flight when every post has ended
MAX_LATE_EVENT = 3600 * SECOND  # more, for events whose message was lost


@dataclass(slots=True)
class Outcome:
    """The result of one seed. It is small, since it is pickled between processes."""

    seed: int
    posts: int = 0
    sends: int = 0
    copies: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    groups: Counter[int] = field(default_factory=Counter)
    holds: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    shares: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)


class SeedRunner:
    """One process's database and threads, reused for all its seeds."""

    def __init__(self) -> None:
        logger.setLevel(logging.CRITICAL)
        self.engine = memory_engine()
        self.raw = raw_connection(self.engine)
        self.kernel = Kernel()
        self.routes = Routes()

    def close(self) -> None:
        self.kernel.stop_threads()
        self.engine.dispose()

    def run(self, seed: int, *, recording: bool = False, focus: Focus = ANYWHERE) -> tuple[Outcome, World]:
        empty(self.raw)
        ids, event_ids = random.Random(seed), random.Random(f"event ids {seed}")
        self.raw.create_function("randomblob", 1, event_ids.randbytes)  # the ids of events are made by the database
        with mock.patch.object(uuid, "uuid4", side_effect=lambda: uuid.UUID(int=ids.getrandbits(128), version=4)):
            world = World(seed, self.kernel, self.engine, self.raw, self.routes, focus, recording=recording)
            try:
                with _recorded_log(world), virtual_gate(world):
                    _run_phases(world)
            finally:
                world.over = True
                self.kernel.end()
        return _outcome(seed, world), world


def _outcome(seed: int, world: World) -> Outcome:
    facts = world.facts
    public = {copy.post_id for copy in facts.copies}
    return Outcome(
        seed,
        posts=len(facts.rows),
        sends=len(facts.sends),
        copies=len(facts.copies),
        faults=world.faults.counts,
        ends=Counter(_end(row, row.id in public) for row in facts.rows.values()),
        excused=facts.excused,
        groups=facts.groups,
        holds=facts.holds,
        deaths=facts.deaths,
        shares=facts.shares,
        events=_events(world),
        violations=facts.violations,
    )


def _events(world: World) -> Counter[str]:
    """Count the events that arrived by their type, and those that the endpoint itself refused for good."""
    if world.endpoints is None:
        return Counter()
    heard, events = world.endpoints.heard, Counter[str]()
    for told, ids in heard.arrived.items():
        events[told.type] += len(ids)
    events["refused for good"] = len(heard.given_up)
    events["endpoints switched off"] = len(world.endpoints.disabled())
    return events


def _end(row: Row, is_public: bool) -> str:
    """Return the end of a post in the database and in public."""
    reason = f" {row.error_code}" if row.status == "failed" and row.error_code == "outcome_unknown" else ""
    return f"{row.status}{reason}, {'public' if is_public else 'not public'}"


@contextmanager
def _recorded_log(world: World) -> Iterator[None]:
    """Record the app's log while the world records, otherwise leave it off."""
    if not world.recording:
        yield
        return
    listener, level = LogRecorder(world), logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)


def _run_phases(world: World) -> None:
    """Run all phases: drafts, faults, recovery without faults, and the last late messages.

    No post may be open at the end of the recovery. A broken rule ends the run at once.
    """
    world.faults.stopped = True
    first = world.kernel.spawn(_first_actor(world))
    world.kernel.run(60 * SECOND, lambda: first.done)
    world.faults.stopped = False
    world.planner.plan()
    if not _run(world, round(world.scenario.active_seconds * SECOND), lambda: False):
        return
    world.record("fate", "no more faults")
    world.faults.stopped = True
    world.authors.reconnect_all()
    stragglers = world.kernel.calls  # frozen actors must wake before the recovery is timed
    if not _run(world, MAX_FREEZE, lambda: all(actor.done for actor in stragglers)):
        return
    if _run(world, round(_recovery_seconds(world) * SECOND), world.all_ended):
        world.check(rules.AFTER_FAULTS, None)
    if _run(world, _latest(world), lambda: _settled(world)):
        world.check(rules.AT_END, None)


def _latest(world: World) -> int:
    """Return the µs in which the last message, report and event must arrive, once every post has ended.

    An event is published again by the sweep after its hour. By a clock put ahead, that hour began later.
    """
    if not world.endpoints:
        return MAX_LATE_DELIVERY
    ahead = max(clock.most_ahead for clock in world.clocks)
    return MAX_LATE_DELIVERY + MAX_LATE_EVENT + ahead + round(world.scenario.sweep_seconds * SECOND)


def _run(world: World, long: int, ended: Callable[[], bool]) -> bool:
    """Let `long` µs pass, or less if `ended` returns True. Return False if a rule was broken."""
    violations = world.facts.violations
    world.kernel.run(world.kernel.now + long, lambda: bool(violations) or ended())
    return not violations


def _first_actor(world: World) -> Actor:
    actor = Actor("first", 0, lambda: world.authors.prepare(world.deps[0]))
    actor.notes["kind"] = "author"
    return actor


def _settled(world: World) -> bool:
    """Return True if every post has ended and no actor, message or report is in flight."""
    pending = world.executions.pending or world.qstash.pending or world.qstash.events.pending
    return not (world.kernel.calls or pending) and world.all_ended() and world.all_told()


def _recovery_seconds(world: World) -> float:
    """Return the seconds in which every post must end without faults.

    They cover open due instants and leases, then a sweep's period, then a lease for the posts that the sweep sends, and
    the backoffs of all tries: without faults too, a platform may refuse each of them as a duplicate. An instant
    written by a clock put ahead may hold a post for as long as the clock was ahead.
    """
    s, rows = world.settings, world.facts.rows.values()
    instants = [micros(text) for row in rows for text in (row.next_attempt_at, row.lease_until) if text]
    wait = max([0, *(instant - world.kernel.now for instant in instants)]) / SECOND
    breaker_open = world.observer.raw.execute("SELECT opened_at FROM breakers").fetchone()
    deferral = MAX_DEFERRAL_SECONDS if breaker_open and breaker_open[0] else 0.0
    rounds = 2 + s.max_retries if s.poll_mode else _sweeps(world)  # in poll mode each next try waits for a sweep
    sweeps = rounds * world.scenario.sweep_seconds
    ahead = max(clock.most_ahead for clock in world.clocks) / SECOND
    backoffs = s.retry_base_seconds * (2**s.max_retries - 1) * 1.1
    unproved = s.publish_lease_seconds + world.scenario.sweep_seconds  # of a send whose report proves nothing
    return (
        wait + unproved + deferral + sweeps + s.sweep_grace_seconds + s.publish_lease_seconds + backoffs + ahead + SLACK
    )


def _sweeps(world: World) -> int:
    """Return the number of sweeps that the open posts need.

    Where n8n answers at the end of its execution, one send may take the whole budget of a sweep.
    """
    if not world.scenario.workflow.answers_at_end:
        return 1
    open_posts = sum(row.status in ("scheduled", "publishing") for row in world.facts.rows.values())
    return max(1, math.ceil(open_posts / world.settings.cron_concurrency))
