"""Rule: a cancelled post is not sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.facts import Send
    from tests.simulation.world import World


def cancelled_generation_is_not_sent(world: World, send: Send) -> Iterator[str]:
    """No send follows an answered unschedule or cancel, unless the post was scheduled again.

    A sender may get no turn until its lease is over. An author who then forces the post accepts that this attempt may
    be out, now or later.
    """
    until = max((generation for generation, _ in world.facts.cancelled[send.post_id]), default=-1)
    if send.generation > until:
        return
    if send.attempt <= world.facts.forced.get(send.post_id, 0):
        world.facts.excused["sent by a late sender after force"] += 1
    else:
        yield f"attempt {send.attempt} is of generation {send.generation}, but all up to {until} were cancelled"
