"""What an author called off stays where it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.facts import Send
    from tests.simulation.world import World


def what_was_called_off_is_not_sent(world: World, send: Send) -> Iterator[str]:
    """Never sent after an unschedule or cancel was answered, unless scheduled again."""
    until = world.facts.called_off.get(send.post_id, -1)
    if send.generation <= until:
        yield f"attempt {send.attempt} is of generation {send.generation}; all up to {until} were called off"
