"""Rule: a cancelled post is not sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.facts import Send
    from tests.simulation.world import World


def cancelled_generation_is_not_sent(world: World, send: Send) -> Iterator[str]:
    """No send follows an answered unschedule or cancel, unless the post was scheduled again."""
    until = max((generation for generation, _ in world.facts.cancelled[send.post_id]), default=-1)
    if send.generation <= until:
        yield f"attempt {send.attempt} is of generation {send.generation}, but all up to {until} were cancelled"
