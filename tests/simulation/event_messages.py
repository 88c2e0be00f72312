"""Simulates QStash for the app's messages about events: lost, repeated, late and refused ones."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from app.deps import Deps
from app.domain.ports import MessageServiceError
from tests.simulation import routes
from tests.simulation.kernel import SECOND

if TYPE_CHECKING:
    from tests.simulation.world import World

DEDUPLICATION_SECONDS = 600
TIMEOUT_SECONDS = 60
NOT_RETRYABLE = 489


class EventMessages:
    """The service's messages to our own route for events. The faults are those of every message."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[str, tuple[int, str]] = {}
        self._count = 0
        self.pending = 0

    def accept(self, request: dict[str, Any]) -> str:
        """Accept a message and return its id, or the earlier id for the same deduplication id.

        Raises: MessageServiceError when a fault refuses it.
        """
        world, now = self._world, self._world.kernel.now
        if world.is_out("qstash_outage") or world.inject("qstash_refuses"):
            raise MessageServiceError("unreachable", "simulated")
        taken, message_id = self._seen.get(request["deduplication_id"], (-math.inf, ""))
        if now - taken > DEDUPLICATION_SECONDS * SECOND:
            self._count += 1
            message_id = f"msg_event_{self._count}"
            self._seen[request["deduplication_id"]] = (now, message_id)
            self._plan(message_id, request)
        if world.inject("qstash_unheard"):
            raise MessageServiceError("unreachable", "simulated: no answer")
        return message_id

    def _plan(self, message_id: str, request: dict[str, Any]) -> None:
        world, rng = self._world, self._world.rng
        if world.inject("message_lost"):
            return
        late = rng.randint(30 * SECOND, 1200 * SECOND) if world.inject("message_late") else 0
        self._deliver_after(rng.randint(0, SECOND // 2) + late, message_id, request)
        while world.inject("message_repeated"):
            self._deliver_after(late + rng.choice((0, rng.randint(0, 900 * SECOND))), message_id, request)

    def _deliver_after(self, wait: int, message_id: str, request: dict[str, Any], tried: int = 0) -> None:
        world = self._world
        self.pending += 1

        def deliver() -> None:
            self.pending -= 1
            if not world.over:
                self._deliver(message_id, request, tried)

        world.kernel.at(world.kernel.now + wait, deliver)

    def _deliver(self, message_id: str, request: dict[str, Any], tried: int) -> None:
        """Deliver a message once. Repeat it after an error or a timeout."""
        world, judged = self._world, False
        body, headers = json.loads(request["body"]), {"Upstash-Signature": world.kernel.instant().isoformat()}

        def work(deps: Deps) -> routes.HttpAnswer:
            return world.routes.post(deps, routes.DELIVER, body, headers | {"Upstash-Message-Id": message_id})

        def judge() -> None:
            nonlocal judged
            if judged or world.over:
                return
            judged = True
            answered = actor.result is not None and (actor.result.ok or actor.result.status == NOT_RETRYABLE)
            if (not answered or world.inject("delivery_unheard")) and tried < request["retries"]:
                self._deliver_after(round(math.exp(2.5 * (tried + 1)) * SECOND), message_id, request, tried + 1)

        actor = world.actor(f"event {message_id}", "event", work)
        actor.on_end.append(judge)
        world.kernel.after(TIMEOUT_SECONDS, judge)
