"""Simulates an unreliable QStash: lost, repeated, late, early and refused messages, and outages."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from app.adapters.qstash import QStashMessages
from app.deps import Deps
from app.domain.ports import MessageServiceError
from tests.simulation import routes
from tests.simulation.event_messages import EventMessages
from tests.simulation.kernel import EPOCH, SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

DEDUPLICATION_SECONDS = 600
DAY = 86_400
NEAR = SECOND // 2  # µs before an instant, in which a repeated delivery begins that meets the first one's claim
REFUSALS = ("unreachable", "rate_limited", "quota_exceeded", "unauthorized", "refused", "broken_answer")
EPOCH_SECOND = int(EPOCH.timestamp())
NOT_RETRYABLE = 489


@dataclass(slots=True)
class Message:
    """One message as the app's adapter published it. `kind` is "lease" for the end of a lease, else None."""

    id: str
    body: str
    post_id: str
    generation: int
    kind: str | None
    cancelled: bool = False
    acknowledged_at: int | None = None  # the instant of our 2xx, if the service heard it


class QStash:
    """The message service: its messages and their deliveries."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._messages: dict[str, Message] = {}
        self._seen: dict[str, tuple[int, str]] = {}
        self.events = EventMessages(world)
        self.pending = 0

    def accept(self, request: dict[str, Any]) -> str:
        """Accept a message and return its id, or the earlier id for the same deduplication id.

        Raises: MessageServiceError when a fault refuses it, or it is due beyond the horizon.
        """
        world, kernel = self._world, self._world.kernel
        if world.is_out("qstash_outage") or world.inject("qstash_refuses"):
            raise MessageServiceError(world.rng.choice(REFUSALS), "simulated")
        due = (request["not_before"] - EPOCH_SECOND) * SECOND
        if due - kernel.now > world.settings.qstash_max_delay_days * DAY * SECOND:
            raise MessageServiceError("beyond_horizon", "simulated")
        deduplication_id, body = request["deduplication_id"], json.loads(request["body"])
        message_id = f"msg_{len(self._messages) + 1}"
        message = Message(message_id, request["body"], body["postId"], body["generation"], body.get("kind"))
        world.armed(message)
        taken, earlier_id = self._seen.get(deduplication_id, (None, ""))
        if taken is not None and kernel.now - taken <= DEDUPLICATION_SECONDS * SECOND:
            message_id = earlier_id
        else:
            self._seen[deduplication_id] = (kernel.now, message_id)
            self._messages[message_id] = message
            self._plan(message, due)
        if world.inject("qstash_unheard"):
            raise MessageServiceError("unreachable", "simulated: no answer")
        return message_id

    def cancel(self, message_id: str) -> bool:
        if self._world.is_out("qstash_outage") or self._world.inject("cancel_fails"):
            raise MessageServiceError("unreachable", "simulated")
        message = self._messages[message_id]
        if message.cancelled:
            raise MessageServiceError("refused", "404: there is no such message")
        message.cancelled = True
        return True

    def delivered_at(self, message_id: str) -> datetime | None:
        if self._world.is_out("qstash_outage"):
            raise MessageServiceError("unreachable", "simulated")
        at = self._messages[message_id].acknowledged_at
        return None if at is None else EPOCH + timedelta(seconds=at / SECOND)

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
        gate = world.scenario.gate
        if gate is not None and gate.repeats and rng.random() < 0.5 and not world.faults.stopped:
            for _ in range(rng.choice((1, 4))):
                self._deliver_at(rng.choice((when, self._at_instant(due))), message)
        while world.inject("message_repeated"):
            self._deliver_at(when + rng.choice((0, rng.randint(0, 3 * SECOND), rng.randint(0, 900 * SECOND))), message)

    def _at_instant(self, due: int) -> int:
        """Return a time just before the full second of a message that is `due`, by the clock of some instance."""
        world = self._world
        instant = due + math.ceil(world.settings.longest_lead_seconds) * SECOND - world.rng.choice(world.clocks).offset
        return instant - world.rng.randint(0, NEAR)

    def _deliver_at(self, when: int, message: Message, tried: int = 0) -> None:
        self.pending += 1

        def deliver() -> None:
            self.pending -= 1
            if not message.cancelled and not self._world.over:
                self._deliver(message, tried)

        self._world.kernel.at(when, deliver)

    def _deliver(self, message: Message, tried: int) -> None:
        """Deliver a message once. Retry it after an error or a timeout."""
        world = self._world
        judged = False

        def work(deps: Deps) -> routes.HttpAnswer:
            headers = {"Upstash-Message-Id": message.id, "Upstash-Retried": str(tried)} | self._signature()
            return world.routes.post(deps, routes.DISPATCH, message.body, headers)

        def judge() -> None:
            nonlocal judged
            if judged or world.over:
                return
            judged = True
            answered = actor.result is not None and (actor.result.ok or actor.result.status == NOT_RETRYABLE)
            if not answered or world.inject("delivery_unheard"):
                self._again(message, tried + 1)
            else:
                message.acknowledged_at = world.kernel.now

        actor = world.actor(f"{message.kind or 'delivery'} {message.id}", "delivery", work)
        actor.notes["carries"] = {message.post_id: message.generation}
        actor.on_end.append(judge)
        s = world.settings
        world.kernel.after(s.longest_lead_seconds + s.n8n_timeout_seconds + 30, judge)

    def _signature(self) -> dict[str, str]:
        return {"Upstash-Signature": self._world.kernel.instant().isoformat()}

    def _again(self, message: Message, tried: int) -> None:
        world = self._world
        if message.cancelled:
            return
        if tried <= world.settings.qstash_retries:
            self._deliver_at(world.kernel.now + round(math.exp(2.5 * tried) * SECOND), message, tried)
        elif not world.inject("failure_callback_lost"):
            self._call_back(message, 0)

    def _call_back(self, message: Message, tried: int) -> None:
        """Send the failure callback."""
        world = self._world
        world.facts.lost.add(message.id)
        source = base64.b64encode(message.body.encode()).decode()
        notice = {"sourceMessageId": message.id, "sourceBody": source, "status": 503}

        def judge() -> None:
            answered = actor.result is not None and actor.result.ok
            if not answered and tried < 3 and not world.over:
                world.kernel.after(math.exp(2.5 * (tried + 1)), lambda: self._call_back(message, tried + 1))

        def work(deps: Deps) -> routes.HttpAnswer:
            return world.routes.post(deps, routes.DISPATCH_FAILED, notice, self._signature())

        actor = world.actor(f"failure callback {message.id}", "callback", work)
        actor.on_end.append(judge)


class SimulatedMessages(QStashMessages):
    """The app's adapter with a simulated SDK, so every message is built as in production."""

    def __init__(self, world: World, qstash: QStash) -> None:
        super().__init__(world.settings)
        self._world = world
        self._qstash = qstash
        self._sdk = SimpleNamespace(
            message=SimpleNamespace(publish=self._publish_one, batch=self._publish_all, cancel=qstash.cancel)
        )

    def _call(self, operation: Callable[[Any], Any]) -> Any:
        self._world.step("qstash.call")
        answer = operation(self._sdk)
        self._world.step(f"qstash answers {getattr(answer, 'message_id', answer)}")
        return answer

    def _publish_one(self, **request: Any) -> Any:
        is_event = request["url"] == self._world.settings.event_delivery_url
        accept = self._qstash.events.accept if is_event else self._qstash.accept
        return SimpleNamespace(message_id=accept(request))

    def _publish_all(self, requests: list[dict[str, Any]]) -> list[Any]:
        """Accept each message or answer its error, as QStash does for a batch."""
        if self._world.is_out("qstash_outage"):
            raise MessageServiceError("unreachable", "simulated")
        answers: list[Any] = []
        for request in requests:
            try:
                answers.append(self._publish_one(**request))
            except MessageServiceError as error:
                answers.append(error)
        return answers

    def delivered_at(self, message_id: str) -> datetime | None:
        self._world.step("qstash.events")
        return self._qstash.delivered_at(message_id)

    def cancel_batch(self, message_ids: Sequence[str]) -> None:
        for message_id in message_ids:
            self.cancel(message_id)

    def cancelled_since(self, _instant: datetime) -> set[str]:
        return set()  # only a command asks

    def check(self) -> str | None:
        return None
