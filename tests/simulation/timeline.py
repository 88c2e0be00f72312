"""A broken seed as a timeline that a reader can follow: instant, who, what, and the row as it then stood."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.kernel import EPOCH

if TYPE_CHECKING:
    from tests.simulation.facts import Row
    from tests.simulation.world import World

WIDEST_NAME = 34
TOLD_ELSEWHERE = ("post.dispatch",)


class Listener(logging.Handler):
    """The app's own log, as part of the story."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.INFO)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        fields = {k: v for k, v in getattr(record, "fields", {}).items() if k not in ("post_id", "user_id")}
        said = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        self._world.tell(self._world.who(), f"log {record.getMessage()} {said}"[:160])


def timeline(world: World) -> Iterator[str]:
    """The settings that matter, every step, and what was broken."""
    s, w = world.settings, world.scenario.workflow
    names = "max_retries retry_base_seconds publish_lease_seconds unknown_outcome_policy max_lateness_seconds poll_mode"
    told = " ".join(f"{name}={getattr(s, name)}" for name in names.split())
    yield f"{told} room_to_wait={world.scenario.room_to_wait} skews={world.scenario.skews}"
    yield f"workflow: names_attempt={w.names_attempt} asks_first={w.asks_first}"
    for now, who, what, row in world.facts.story:
        instant = (EPOCH + timedelta(microseconds=now)).strftime("%H:%M:%S.%f")[:-3]
        yield f"{instant}  {who[:WIDEST_NAME]:{WIDEST_NAME}}  {what}{_state(row)}"


def _state(row: Row | None) -> str:
    if row is None:
        return ""
    due = f" due {row.next_attempt_at[11:23]}" if row.next_attempt_at else ""
    lease = f" lease {row.lease_until[11:23]}" if row.lease_until else ""
    return f"   [{row.platform} {row.id[:4]} {row.status} g{row.generation} a{row.attempt}{due}{lease}]"
