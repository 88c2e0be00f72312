"""A storm at one gate without a database: several owners in one instant, duplicates, few seats, slow sends, clocks set.

Invariant: all choices come from the seed, and the truth about claims and sends is kept outside the gate.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any
from unittest import mock

from app.delivery.claim import ClockSetBack
from app.delivery.gate import gate, replies, senders, settler, waiting
from app.delivery.gate.gate import Gate
from app.delivery.settle import SettledGroup
from app.domain.delivery import DeliveryResult, Dispatched, ReadyDelivery, TurnedAway
from app.domain.errors import Unavailable
from app.domain.post import Post
from tests.simulation.kernel import Actor
from tests.simulation.stage import ACCEPTED, VirtualStage, virtual_stage
from tests.simulation.threads import virtual_seats

INSTANTS = (5.0, 5.3, 7.0)
ENDS = 120.0  # seconds: every delivery is answered long before
COMES_AGAIN_SECONDS = 0.7  # after a delivery without a seat, or too early
LOST = Dispatched("ignored", "busy")
SENT = Dispatched("dispatched")


class Storm:
    """One gate, its deliveries, and the truth. `seen` counts the parts of the gate that the storm has met."""

    def __init__(self, stage: VirtualStage, seed: int) -> None:
        self.stage = stage
        self.rng = rng = random.Random(seed)
        stage.kernel.reset(rng)
        stage.yield_odds = 0.05
        self.room = rng.choice((2, 4, 64))
        stage.deps.__dict__["seats"] = self.seats = virtual_seats(stage, self.room)
        self.gate = Gate(rng.choice((1, 2, 8)))
        self.max_group = rng.choice((2, 4, 16))
        self.sends_take = rng.choice((0.01, 0.2, 1.5))
        self.faults = rng.choice((0.0, 0.1, 0.3))
        self.sends: Counter[str] = Counter()
        self.claimed: set[str] = set()
        self.seen: Counter[str] = Counter()
        self.posts: list[str] = []
        self.calls: list[Actor] = []
        self.broken: list[str] = []

    def run(self) -> None:
        """Play the storm to its end, with the gate's neighbours replaced by the truth."""
        patches: list[tuple[Any, str, Any]] = [
            (waiting, "MAX_GROUP", self.max_group),
            (waiting, "claim", self._claim),
            (senders, "send", self._send),
            (settler, "settle_accepted", self._settle),
            (replies, "arm_lease_ends", lambda *_: True),
            (gate, "deliver_alone", self._deliver_alone),
        ]
        self._plan()
        with ExitStack() as stack:
            for owner, name, stand_in in patches:
                stack.enter_context(mock.patch.object(owner, name, stand_in))
            self.stage.run(ENDS)
        self.seen["extra senders"] += self.stage.threads.count("gate_extra_sender")
        self._judge()

    def _plan(self) -> None:
        rng = self.rng
        owners = [f"owner-{n}" for n in range(rng.choice((1, 3, 6)))]
        for _ in range(rng.choice((10, 40))):
            due = rng.choice(INSTANTS)
            first = self.stage.delivery(due, owner=rng.choice((owners[0], rng.choice(owners))))
            self.posts.append(first.post.id)
            copies = rng.choice((0, 0, 1, 4))
            for delivery in (first, *(self.stage.duplicate(first) for _ in range(copies))):
                self._deliver_at(rng.choice((due - rng.uniform(0, 3), due + rng.uniform(-0.01, 0.5))), delivery)
        for _ in range(rng.choice((0, 0, 3))):
            ahead = rng.choice((-3.0, -0.02, 0.02, 3.0))
            self.stage.at(rng.uniform(3, 8), partial(setattr, self.stage.clock, "ahead", ahead))
            self.stage.at(rng.uniform(8, 9), partial(setattr, self.stage.clock, "ahead", 0.0))

    def _deliver_at(self, seconds: float, delivery: ReadyDelivery) -> None:
        actor = Actor("delivers", 0, lambda: self._deliver(delivery))
        self.calls.append(actor)
        self.stage.at(seconds, lambda: self.stage.kernel.spawn(actor))

    def _deliver(self, delivery: ReadyDelivery) -> DeliveryResult:
        try:
            result = self.gate.deliver(self.stage.deps, delivery)
        finally:
            self.seen["duplicates"] += len(delivery.duplicates)
            self.seen["withdrawn seats"] += delivery.seat is not None and delivery.seat.withdrawn
        if isinstance(result, TurnedAway):
            again = self.stage.duplicate(delivery)
            self._deliver_at(self.stage.seconds + COMES_AGAIN_SECONDS, again)
        return result

    def _claim(self, _deps: Any, group: Sequence[ReadyDelivery], at: Any, *, skip_locked: bool) -> list[Any]:
        rng, now = self.rng, self.stage.clock.now()
        assert skip_locked
        self.seen["groups of several owners"] += len({delivery.post.user_id for delivery in group}) > 1
        ids = [delivery.post.id for delivery in group]
        if len(set(ids)) < len(ids):
            self.broken.append("a post is twice in a group")
        if at is not None and any(delivery.due > at for delivery in group):
            self.broken.append("a claim is held for an instant before its delivery's own")
        self.stage.kernel.pause(rng.choice((0.002, 0.01, 0.3)))
        if rng.random() < self.faults:
            raise ClockSetBack if at is not None and rng.random() < 0.5 else Unavailable
        for delivery in group:
            delivery.locked = delivery.due <= (at or now) and rng.random() < self.faults
        early = [delivery.due > (at or now) for delivery in group]  # the clock was set back since the gate's look
        return [
            TurnedAway.TOO_EARLY if is_early else LOST if one.locked else self._claim_one(one.post, one)
            for one, is_early in zip(group, early, strict=True)
        ]

    def _claim_one(self, post: Post, delivery: ReadyDelivery) -> Dispatched | None:
        if post.id in self.claimed:
            return LOST
        self.claimed.add(post.id)
        delivery.claimed = post
        return None

    def _send(self, _deps: Any, delivery: ReadyDelivery) -> None:
        self.sends[delivery.post.id] += 1
        delivery.sent_at = delivery.answered_at = self.stage.clock.now()
        self.stage.kernel.pause(self.sends_take * self.rng.random())
        delivery.verdict = ACCEPTED

    def _settle(self, _deps: Any, group: Sequence[Any]) -> SettledGroup:
        self.stage.kernel.pause(0.005)
        return SettledGroup({one.post.id for one in group if self.rng.random() < self.faults}, [])

    def _deliver_alone(self, deps: Any, delivery: ReadyDelivery) -> DeliveryResult:
        if delivery.claimed is None and (lost := self._claim_one(delivery.post, delivery)) is not None:
            return lost
        if delivery.verdict is None:
            self._send(deps, delivery)
        return SENT

    def _judge(self) -> None:
        """Note each broken promise: answered, sent once, nothing kept by the gate."""
        if hanging := sum(not actor.done for actor in self.calls):
            self.broken.append(f"{hanging} calls are not answered")
        if failed := [actor.error for actor in self.calls if actor.error is not None]:
            self.broken.append(f"calls raised {failed}")
        if wrong := {post: self.sends[post] for post in self.posts if self.sends[post] != 1}:
            self.broken.append(f"not sent once: {wrong}")
        if self.seats.free != self.room:
            self.broken.append(f"{self.seats.free} of {self.room} seats are free")
        parts = self.gate._senders
        kept = (
            len(self.gate),
            self.gate._waiting._places,
            parts.backlog,
            parts._queues,
            parts._sending,
            parts._in_hand,
        )
        if any(kept) or parts._extra:
            self.broken.append(f"the gate keeps {kept}, {parts._extra} extra senders")


def play(seed: int) -> Storm:
    """Play the storm of this seed."""
    with virtual_stage() as stage:
        storm = Storm(stage, seed)
        storm.run()
        return storm
