"""One simulated world: app instances on one database, QStash, n8n, authors and planned events."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from app.accounts.refresh import renew_account
from app.deps import Deps
from app.domain.in_flight import InFlight
from app.domain.lanes import Lanes
from app.domain.seats import Seats
from app.events.publish import publish_new
from tests.simulation import rules
from tests.simulation.authors import Authors
from tests.simulation.database import SimulatedDatabase
from tests.simulation.endpoints import Endpoints, SimulatedEventSender
from tests.simulation.evidence import Evidence
from tests.simulation.facts import Copy, Facts, Send, Violation, key
from tests.simulation.faults import Faults
from tests.simulation.host import Clock, Vault
from tests.simulation.instances import Instances
from tests.simulation.kernel import SECOND, Actor, Kernel, Killed
from tests.simulation.media import SimulatedMedia
from tests.simulation.n8n import SimulatedPublisher
from tests.simulation.observer import Observer
from tests.simulation.pauses import Pauses
from tests.simulation.planner import Planner
from tests.simulation.platforms import LINKEDIN_GUARD_SECONDS, Platforms
from tests.simulation.qstash import Message, QStash, SimulatedMessages
from tests.simulation.reports import PendingReport
from tests.simulation.routes import HttpAnswer, Routes
from tests.simulation.scenario import Focus, Scenario, draw_gate, draw_listened, make_scenario, with_publishers
from tests.simulation.threads import virtual_seats
from tests.simulation.workflow import Executions
from tests.support.one_by_one import OneByOne


class World:
    """Everything of one seed. With `recording`, all events are kept for the timeline."""

    def __init__(
        self, seed: int, kernel: Kernel, engine: Any, raw: Any, web: Routes, focus: Focus, *, recording: bool
    ) -> None:
        self.rng = random.Random(seed)
        kernel.reset(self.rng)
        self.kernel = kernel
        self.routes = web
        self.recording = recording
        self.over = False
        self.focus = focus
        self.faults = Faults(self.rng, focus.faults)
        self.scenario: Scenario = with_publishers(make_scenario(self.rng, focus, draw_gate(seed, focus)), seed)
        if self.scenario.gate is not None:
            self.faults.enable_gates(focus.faults)
        self.endpoints = Endpoints(self) if draw_listened(seed, focus) else None
        if self.endpoints is not None:
            self.faults.enable_events(focus.faults)
        self.settings = self.scenario.settings
        self.facts = Facts()
        self.observer = Observer(self, raw)
        self.valid_tokens: set[str] = set()
        self.clocks = [Clock(kernel, offset, self.step) for offset in self.scenario.skews]
        self.qstash = QStash(self)
        self.platforms = Platforms(self, guard_seconds=self.rng.choice(LINKEDIN_GUARD_SECONDS))
        self.executions = Executions(self)
        self.evidence = Evidence(self)
        self.instances = Instances(self)
        self._engine = engine
        self.deps = [self.start_instance(n) for n in range(len(self.clocks))]
        self.authors = Authors(self)
        self.pauses = Pauses(self, seed, focus)
        self.planner = Planner(self)
        self._outages: dict[str, tuple[int, int]] = {}

    def start_instance(self, number: int) -> Deps:
        """Return the dependencies of a new process of this instance."""
        room, gated = self.scenario.max_waiting, self.scenario.gate is not None
        count = len(self.settings.n8n_webhook_urls)
        alone: AbstractContextManager[object] = self.instances.connection if gated else nullcontext()
        messages = None if self.settings.poll_mode else SimulatedMessages(self, self.qstash)
        return Deps(
            settings=self.settings,
            clock=self.clocks[number],
            db=SimulatedDatabase(self._engine, self, self.observer.committed, alone),
            messages=messages,
            event_messages=messages if self.endpoints else None,
            event_sender=SimulatedEventSender(self) if self.endpoints else None,
            publisher=SimulatedPublisher(self, number),
            more_publishers=tuple(SimulatedPublisher(self, number, place) for place in range(1, count)),
            in_flight=Lanes([InFlight() for _ in range(count)]) if count > 1 else InFlight(),
            vault=Vault(self.inject),
            media=SimulatedMedia(self) if self.settings.media_check_seconds else None,
            gate=self.instances.new_gate(number) if gated else OneByOne(),
            renew_account=renew_account,
            random=self.rng.random,
            run_many=self.run_many,
            seats=(virtual_seats(self.instances, room) if gated else Seats(room)) if room else None,
        )

    # Delays and faults

    def step(self, effect: str, *, may_freeze: bool = True) -> None:
        """Let time pass between two effects. The process may die, be slow or freeze here."""
        actor = self.kernel.current
        if actor is None:
            return
        if actor.dead:
            raise Killed
        if self.recording:
            self.record(actor.name, effect)
        self.instances.may_die(actor, effect)
        self.kernel.pause(self._latency(actor, may_freeze))

    def transaction_begins(self) -> None:
        """Note whether the clock that a transaction has just read is ahead."""
        if (actor := self.kernel.current) is not None:
            actor.began_ahead = self.clocks[actor.instance].ahead > 0

    def inject(self, kind: str) -> bool:
        if not self.faults.hit(kind):
            return False
        if self.recording:
            self.record(self.kernel.current.name if self.kernel.current else "fate", f"FAULT {kind}")
        return True

    def _latency(self, actor: Actor, may_freeze: bool) -> float:
        rng = self.rng
        if may_freeze and self.inject("freeze"):
            lease = self.settings.publish_lease_seconds
            return max(0.0, lease + rng.choice((rng.uniform(-3, 3), rng.uniform(0, 400), rng.uniform(-lease, 0))))
        if self.inject("slowness"):
            return rng.uniform(0.3, 5)
        if actor.daemon:
            return self.instances.latency_of_thread(actor)
        return rng.random() * (0.02 if rng.random() < 0.8 else 0.3)

    def run_many(self, work: Callable[[Any], Any], items: Iterable[Any], at_a_time: int) -> list[Any]:
        """Run the work concurrently as the app does, `at_a_time` items at once.

        Raises: the first child's exception, after all have ended.
        """
        parent, waiting, begun = self.kernel.current, list(items), []
        assert parent is not None
        while waiting:
            batch = [self._child(parent, work, waiting.pop(0)) for _ in range(min(at_a_time, len(waiting)))]
            begun += batch
            self.kernel.join(batch)
        for child in begun:
            if child.error is not None:
                raise child.error
        return [child.result for child in begun]

    def _child(self, parent: Actor, work: Callable[[Any], Any], item: Any) -> Actor:
        child = Actor(f"{parent.name}, post {item.id[:4]}", parent.instance, lambda: work(item), parent)
        carries = {item.id: item.generation} if hasattr(item, "generation") else {}  # an event has none
        child.notes = {"kind": "delivery", "carries": carries}
        child.on_end.append(lambda: self._ended(child))
        return self.kernel.spawn(child)

    def actor(self, name: str, kind: str, work: Callable[[Deps], Any]) -> Actor:
        """Start a call to a random instance of the app."""
        instance = self.rng.randrange(len(self.deps))
        actor = Actor(name, instance, lambda: self._work(work, self.deps[instance]))
        actor.notes["kind"] = kind
        actor.on_end.append(lambda: self._ended(actor))
        return self.kernel.spawn(actor, 0.005 * self.rng.random())

    def _work(self, work: Callable[[Deps], Any], deps: Deps) -> Any:
        """Do the work of a call. New events are published after it, as after each answer of a route."""
        result = work(deps)
        publish_new(deps)
        return result

    def _ended(self, actor: Actor) -> None:
        if self.recording and not self.over:
            result = repr(actor.error) if actor.error is not None else _short(actor.result)
            self.record(actor.name, f"ends: {result}")
        self.check(rules.ON_END, actor)

    def start_outage(self, what: str, seconds: float) -> None:
        self._outages[what] = (self.kernel.now, self.kernel.now + round(seconds * SECOND))
        self.faults.counts[what] += 1
        self.record(what, f"begins, for {seconds:.0f} s")

    def is_out(self, what: str) -> bool:
        """Return True during this outage."""
        start, end = self._outages.get(what, (0, 0))
        return start <= self.kernel.now < end and not self.faults.stopped

    def set_clock_ahead(self, instance: int, seconds: float, lasting: float) -> None:
        """Put one instance's clock ahead, or back with negative `seconds`, and right after a while."""
        clock = self.clocks[instance]
        clock.ahead = round(seconds * SECOND)
        clock.most_ahead = max(clock.most_ahead, abs(clock.ahead))
        self.record("fate", f"the clock of instance {instance} is {seconds:g} s ahead for {lasting:.2f} s")

        def back() -> None:
            clock.ahead = 0
            self.record("fate", f"the clock of instance {instance} is right again")

        self.kernel.after(lasting, back)

    # Facts for the rules

    def armed(self, message: Message) -> None:
        self.check(rules.ON_ARM, message)

    def sent(self, submission: Any, own_clock: datetime) -> None:
        post_id, facts = key(submission.post_id), self.facts
        claim = facts.claims.get((post_id, submission.attempt))
        generation, now = claim.generation if claim else -1, self.kernel.now
        send = Send(
            post_id, submission.attempt, generation, now, own_clock, submission.access_token, submission.content
        )
        self.record(self.who(), f"SENDS attempt {send.attempt}", post_id)
        self.check(rules.ON_SEND, send)
        facts.sends.append(send)

    def executed(self, post_id: str, attempt: int) -> None:
        self.facts.executions[key(post_id), attempt] += 1
        self.check(rules.ON_EXECUTION, (key(post_id), attempt))

    def published(self, copy: Copy) -> None:
        self.record("platform", f"OUT as {copy.urn}, attempt {copy.attempt}", copy.post_id)
        self.facts.copies.append(copy)
        self.check(rules.ON_COPY, copy)

    def report_was_answered(self, pending: PendingReport, answer: HttpAnswer) -> None:
        self.check(rules.ON_REPORT, (pending, answer))

    def cancellation_was_answered(self, post_id: str, generation: int) -> None:
        self.facts.cancelled[key(post_id)].append((generation, self.kernel.now))

    def all_ended(self) -> bool:
        return all(row.status not in ("scheduled", "publishing") for row in self.facts.rows.values())

    def all_told(self) -> bool:
        """Return True if every event has arrived that an endpoint still takes."""
        return self.endpoints is None or next(self.endpoints.missing(), None) is None

    def check(self, rule_set: Iterable[Callable[[World, Any], Iterable[str]]], subject: Any) -> None:
        if self.over:
            return
        for rule in rule_set:
            if self.focus.rule not in (None, rule.__name__):
                continue
            for text in rule(self, subject):
                self.facts.violations.append(Violation(rule.__name__, text, self.kernel.now))
                self.record("RULE BROKEN", f"{rule.__name__}: {text}")

    def record(self, who: str, what: str, post_id: str | None = None) -> None:
        if self.recording:
            row = self.facts.rows.get(post_id) if post_id else None
            self.facts.events.append((self.kernel.now, who, what, row))

    def who(self) -> str:
        return self.kernel.current.name if self.kernel.current else "fate"


def _short(result: Any) -> str:
    if isinstance(result, HttpAnswer):
        return f"{result.status} {result.body[:100]}"
    post = getattr(result, "post", result)
    if hasattr(post, "generation"):
        return f"{post.status} g{post.generation} a{post.attempt}"
    return str(result)[:100]
