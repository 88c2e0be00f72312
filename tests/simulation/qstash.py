"""Simulates an unreliable QStash: lost, repeated, late, early and refused messages, and outages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.delivery import dispatch, leases
from app.deps import Deps
from app.domain import keys
from app.domain.ports import Alarm, MessageServiceError
from app.store.posts import arming
from tests.simulation.kernel import EPOCH, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

DEDUPLICATION_SECONDS = 600
DAY = 86_400
REFUSALS = ("unreachable", "rate_limited", "quota_exceeded", "unauthorized", "refused", "broken_answer")
EPOCH_SECOND = int(EPOCH.timestamp())


@dataclass(slots=True)
class Message:
    id: str
    alarm: Alarm
    cancelled: bool = False


class QStash:
    """The message service: its messages and their deliveries."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages: dict[str, Message] = {}
        self._seen: dict[str, tuple[int, str]] = {}
        self.pending = 0

    def accept(self, alarm: Alarm) -> str:
        """Accept a message and return its id, or the earlier id for the same deduplication id.

        Raises: MessageServiceError when a fault refuses it, or it is due beyond the horizon.
        """
        world, kernel = self._world, self._world.kernel
        if world.qstash_is_out() or world.inject("qstash_refuses"):
            raise MessageServiceError(world.rng.choice(REFUSALS), "simulated")
        due = (alarm.not_before - EPOCH_SECOND) * SECOND
        if due - kernel.now > world.settings.qstash_max_delay_days * DAY * SECOND:
            raise MessageServiceError("beyond_horizon", "simulated")
        world.armed(alarm)
        deduplication_id = keys.deduplication_id(alarm)
        taken, message_id = self._seen.get(deduplication_id, (None, ""))
        if taken is None or kernel.now - taken > DEDUPLICATION_SECONDS * SECOND:
            message_id = f"msg_{len(self._messages) + 1}"
            self._seen[deduplication_id] = (kernel.now, message_id)
            self._messages[message_id] = Message(message_id, alarm)
            self._plan(self._messages[message_id], due)
        if world.inject("qstash_unheard"):
            raise MessageServiceError("unreachable", "simulated: no answer")
        return message_id

    def cancel(self, message_id: str) -> bool:
        if self._world.qstash_is_out() or self._world.inject("cancel_fails"):
            raise MessageServiceError("unreachable", "simulated")
        message = self._messages[message_id]
        was, message.cancelled = message.cancelled, True
        return not was

    def _plan(self, message: Message, due: int) -> None:
        world, rng = self._world, self._world.rng
        when = max(due, world.kernel.now) + rng.randint(0, SECOND // 2)
        if world.inject("message_lost"):
            return
        if world.inject("message_late"):
            when += rng.randint(30 * SECOND, 1200 * SECOND)
        if world.inject("message_early"):
            when -= rng.randint(0, 30 * SECOND)
        self._deliver_at(when, message)
        while world.inject("message_repeated"):
            self._deliver_at(when + rng.choice((0, rng.randint(0, 3 * SECOND), rng.randint(0, 900 * SECOND))), message)

    def _deliver_at(self, when: int, message: Message, tried: int = 0) -> None:
        self.pending += 1

        def deliver() -> None:
            self.pending -= 1
            if not message.cancelled and not self._world.over:
                self._deliver(message, tried)

        self._world.kernel.at(when, deliver)

    def _deliver(self, message: Message, tried: int) -> None:
        """Deliver a message once. Retry it after an error or a timeout."""
        world, alarm = self._world, message.alarm
        judged = False

        def work(deps: Deps) -> object:
            if alarm.lease_of is not None:
                return leases.end_lease_by_alarm(deps, alarm.post_id, alarm.generation, alarm.lease_of)
            return dispatch.dispatch(deps, alarm.post_id, alarm.generation, "message", message.id)

        def judge() -> None:
            nonlocal judged
            if judged or world.over:
                return
            judged = True
            answered = actor.done and actor.error is None and actor.result.armed
            if not answered or world.inject("delivery_unheard"):
                self._again(message, tried + 1)

        actor = world.actor(f"delivery {message.id}", "delivery", work)
        actor.notes["carries"] = {alarm.post_id: alarm.generation}
        actor.on_end.append(judge)
        s = world.settings
        world.kernel.after(s.dispatch_lead_seconds + s.n8n_timeout_seconds + 30, judge)

    def _again(self, message: Message, tried: int) -> None:
        world = self._world
        if message.cancelled:
            return
        if tried <= world.settings.qstash_retries:
            self._deliver_at(world.kernel.now + round(math.exp(2.5 * tried) * SECOND), message, tried)
        elif not world.inject("failure_callback_lost"):
            self._call_back(message, 0)

    def _call_back(self, message: Message, tried: int) -> None:
        """Send the failure callback, and handle it as the web layer does."""
        world = self._world
        world.facts.lost.add(message.id)

        def work(deps: Deps) -> None:
            with deps.db.transaction() as tx:
                arming.forget_message(tx, message.alarm.post_id, message.id)

        def judge() -> None:
            if actor.error is not None and tried < 3 and not world.over:
                world.kernel.after(math.exp(2.5 * (tried + 1)), lambda: self._call_back(message, tried + 1))

        actor = world.actor(f"failure callback {message.id}", "callback", work)
        actor.on_end.append(judge)


class SimulatedMessages:
    """ports.MessageService of one instance."""

    def __init__(self, world: World, qstash: QStash) -> None:
        self._world = world
        self._qstash = qstash

    def publish(self, alarm: Alarm) -> str:
        self._world.step("qstash.publish")
        message_id = self._qstash.accept(alarm)
        self._world.step(f"qstash took {message_id} for generation {alarm.generation}")
        return message_id

    def publish_batch(self, batch: Sequence[Alarm]) -> list[str | MessageServiceError]:
        self._world.step("qstash.batch")
        answers: list[str | MessageServiceError] = []
        for alarm in batch:
            try:
                answers.append(self._qstash.accept(alarm))
            except MessageServiceError as error:
                answers.append(error)
        self._world.step("qstash took a batch")
        return answers

    def cancel(self, message_id: str) -> bool:
        self._world.step("qstash.cancel")
        was_pending = self._qstash.cancel(message_id)
        self._world.step(f"qstash cancelled {message_id}")
        return was_pending

    def check(self) -> str | None:
        return None
