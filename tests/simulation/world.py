"""One world: instances of the app on one database, an alarm clock, a workflow, authors and a cron; and what they do."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from app.delivery.send import OneByOne
from app.deps import Deps
from app.domain.ports import Alarm
from tests.simulation import rules
from tests.simulation.authors import Authors
from tests.simulation.database import SimulatedDatabase
from tests.simulation.facts import Copy, Facts, Send, Violation, key
from tests.simulation.faults import Faults
from tests.simulation.kernel import EPOCH, SECOND, Actor, Death, Kernel
from tests.simulation.n8n import N8n, SimulatedPublisher
from tests.simulation.observer import Observer
from tests.simulation.planner import Cron
from tests.simulation.qstash import QStash, SimulatedMessages
from tests.simulation.scenario import Scenario, make_scenario


class Clock:
    """ports.Clock of one instance: true time and a constant error."""

    def __init__(self, kernel: Kernel, offset: int, awake: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._offset = offset
        self._awake = awake

    def now(self) -> datetime:
        return self._kernel.instant(self._offset)

    def sleep_until(self, instant: datetime) -> None:
        difference = instant - EPOCH
        due = (difference.days * 86_400 + difference.seconds) * SECOND + difference.microseconds - self._offset
        if due > self._kernel.now:
            self._kernel.pause_until(due)
        self._awake("awake")


class Vault:
    """ports.Vault: seals by a word."""

    def __init__(self, strikes: Callable[[str], bool]) -> None:
        self._strikes = strikes

    def encrypt(self, secret: str) -> str:
        return f"sealed {secret}"

    def decrypt(self, stored: str) -> str:
        if self._strikes("token_unreadable"):
            raise ValueError("simulated: no key opens this")
        return stored.removeprefix("sealed ")


class World:
    """Everything of one seed. `telling` keeps the whole story, for a seed that is played again."""

    def __init__(self, seed: int, kernel: Kernel, engine: Any, raw: Any, *, telling: bool) -> None:
        self.rng = random.Random(seed)
        kernel.reset(self.rng)
        self.kernel = kernel
        self.telling = telling
        self.over = False
        self.faults = Faults(self.rng)
        self.scenario: Scenario = make_scenario(self.rng)
        self.settings = self.scenario.settings
        self.facts = Facts()
        self.observer = Observer(self, raw)
        self.valid_tokens: set[str] = set()
        self.calm_since: int | None = None
        self.clocks = [Clock(kernel, offset, self.step) for offset in self.scenario.skews]
        self.qstash = QStash(self)
        self.n8n = N8n(self)
        self.deps = [self._instance(n, engine) for n in range(len(self.clocks))]
        self.authors = Authors(self)
        self.cron = Cron(self)
        self._outages: dict[str, tuple[int, int]] = {}

    def _instance(self, number: int, engine: Any) -> Deps:
        room = self.scenario.room_to_wait
        return Deps(
            settings=self.settings,
            clock=self.clocks[number],
            db=SimulatedDatabase(engine, self, self.observer.committed),
            messages=None if self.settings.poll_mode else SimulatedMessages(self, self.qstash),
            publisher=SimulatedPublisher(self, self.n8n, number),
            vault=Vault(self.strikes),
            gate=OneByOne(),
            random=self.rng.random,
            run_many=self.run_many,
            waiting=threading.BoundedSemaphore(room) if room else None,
        )

    # What actors meet on their way.

    def step(self, effect: str, *, may_freeze: bool = True) -> None:
        """Between two effects: the process may die, be slow or stand still, and others get their turn."""
        actor = self.kernel.current
        if actor is None:
            return
        if actor.dead:
            raise Death
        if self.telling:
            self.tell(actor.name, effect)
        self._strike_down(actor)
        self.kernel.pause(self._latency(may_freeze))

    def strikes(self, kind: str) -> bool:
        if not self.faults.hit(kind):
            return False
        if self.telling:
            self.tell(self.kernel.current.name if self.kernel.current else "fate", f"FAULT {kind}")
        return True

    def _strike_down(self, actor: Actor) -> None:
        if self.strikes("death"):
            self.kernel.kill(actor.root)
        elif self.strikes("instance_death"):
            for other in [a for a in self.kernel.alive if a.instance == actor.instance]:
                self.kernel.kill(other.root)
        if actor.dead:
            raise Death

    def _latency(self, may_freeze: bool) -> float:
        rng = self.rng
        if may_freeze and self.strikes("freeze"):
            lease = self.settings.publish_lease_seconds
            return max(0.0, lease + rng.choice((rng.uniform(-3, 3), rng.uniform(0, 400), rng.uniform(-lease, 0))))
        if self.strikes("slowness"):
            return rng.uniform(0.3, 5)
        return rng.random() * (0.02 if rng.random() < 0.8 else 0.3)

    def run_many(self, work: Callable[[Any], Any], items: Iterable[Any], at_a_time: int) -> list[Any]:
        """As the app's own: side by side, a bounded number at a time; the first exception once all have ended."""
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
        child.notes = {"kind": "delivery", "carries": {item.id: item.generation}}
        return self.kernel.spawn(child)

    def actor(self, name: str, kind: str, work: Callable[[Deps], Any]) -> Actor:
        """Somebody calls the app: the call goes to any of its instances."""
        instance = self.rng.randrange(len(self.deps))
        actor = Actor(name, instance, lambda: work(self.deps[instance]))
        actor.notes["kind"] = kind
        actor.on_end.append(lambda: self._ended(actor))
        return self.kernel.spawn(actor, 0.005 * self.rng.random())

    def _ended(self, actor: Actor) -> None:
        if self.telling and not self.over:
            said = repr(actor.error) if actor.error is not None else _short(actor.result)
            self.tell(actor.name, f"ends: {said}")
        self.check(rules.ON_END, actor)

    def start_outage(self, what: str, seconds: float) -> None:
        self._outages[what] = (self.kernel.now, self.kernel.now + round(seconds * SECOND))
        self.faults.counts[what] += 1
        self.tell(what, f"begins, for {seconds:.0f} s")

    def qstash_is_out(self) -> bool:
        return self._is_out("qstash_outage")

    def n8n_is_out(self) -> bool:
        return self._is_out("n8n_outage")

    def _is_out(self, what: str) -> bool:
        start, end = self._outages.get(what, (0, 0))
        return start <= self.kernel.now < end and not self.faults.calm

    # What truly happens, for the rules to see.

    def armed(self, alarm: Alarm) -> None:
        self.check(rules.ON_ARM, alarm)

    def sent(self, submission: Any, own_clock: datetime) -> None:
        post_id = key(submission.post_id)
        claim = self.facts.claims.get((post_id, submission.attempt))
        generation = claim.generation if claim else -1
        send = Send(post_id, submission.attempt, generation, self.kernel.now, own_clock, submission.access_token)
        self.tell(self.who(), f"SENDS attempt {send.attempt}", post_id)
        self.check(rules.ON_SEND, send)
        self.facts.sends.append(send)

    def executed(self, post_id: str, attempt: int) -> None:
        self.facts.executions[key(post_id), attempt] += 1
        self.check(rules.ON_EXECUTION, (key(post_id), attempt))

    def published(self, copy: Copy) -> None:
        self.tell("n8n", f"OUT as {copy.urn}, attempt {copy.attempt}", copy.post_id)
        self.facts.copies.append(copy)
        self.check(rules.ON_COPY, copy)

    def report_was_taken(self, news: Any, copy: Copy | None) -> None:
        if copy is not None:
            self.check(rules.ON_TRUE_REPORT, copy)

    def call_off_was_answered(self, post_id: str, generation: int) -> None:
        called_off = self.facts.called_off
        called_off[key(post_id)] = max(generation, called_off.get(key(post_id), -1))

    def all_ended(self) -> bool:
        return all(row.status not in ("scheduled", "publishing") for row in self.facts.rows.values())

    def check(self, rule_set: Iterable[Callable[[World, Any], Iterable[str]]], subject: Any) -> None:
        if self.over:
            return
        for rule in rule_set:
            for text in rule(self, subject):
                self.facts.violations.append(Violation(rule.__name__, text, self.kernel.now))
                self.tell("RULE BROKEN", f"{rule.__name__}: {text}")

    def tell(self, who: str, what: str, post_id: str | None = None) -> None:
        if self.telling:
            row = self.facts.rows.get(post_id) if post_id else None
            self.facts.story.append((self.kernel.now, who, what, row))

    def who(self) -> str:
        return self.kernel.current.name if self.kernel.current else "fate"


def _short(result: Any) -> str:
    post = getattr(result, "post", result)
    if hasattr(post, "generation"):
        return f"{post.status} g{post.generation} a{post.attempt}"
    return str(result)[:100]
