"""Prints a seed as a timeline: instant, actor, event and the row at that instant."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.kernel import EPOCH

if TYPE_CHECKING:
    from tests.simulation.facts import Row
    from tests.simulation.world import World

NAME_WIDTH = 34


class LogRecorder(logging.Handler):
    """Records the app's log among the events."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.INFO)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        fields = {k: v for k, v in getattr(record, "fields", {}).items() if k not in ("post_id", "user_id")}
        text = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        self._world.record(self._world.who(), f"log {record.getMessage()} {text}"[:160])


def timeline(world: World) -> Iterator[str]:
    """Yield the main settings and every event, broken rules included."""
    s, w = world.settings, world.scenario.workflow
    names = "max_retries retry_base_seconds publish_lease_seconds unknown_outcome_policy max_lateness_seconds poll_mode"
    settings = " ".join(f"{name}={getattr(s, name)}" for name in names.split())
    yield f"{settings} max_waiting={world.scenario.max_waiting} skews={world.scenario.skews}"
    yield f"workflow: names_attempt={w.names_attempt} asks_first={w.asks_first}"
    for now, who, what, row in world.facts.events:
        instant = (EPOCH + timedelta(microseconds=now)).strftime("%H:%M:%S.%f")[:-3]
        yield f"{instant}  {who[:NAME_WIDTH]:{NAME_WIDTH}}  {what}{_state(row)}"


def _state(row: Row | None) -> str:
    if row is None:
        return ""
    due = f" due {row.next_attempt_at[11:23]}" if row.next_attempt_at else ""
    lease = f" lease {row.lease_until[11:23]}" if row.lease_until else ""
    return f"   [{row.platform} {row.id[:4]} {row.status} g{row.generation} a{row.attempt}{due}{lease}]"
