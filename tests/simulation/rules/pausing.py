"""The rule of the pause of all sending."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.observer import Change
    from tests.simulation.world import World


def nothing_is_claimed_in_a_pause(world: World, change: Change) -> Iterator[str]:
    """No claim is committed while the row of a pause is there. One transaction writes at a time."""
    before, after = change.before, change.after
    if not world.pauses.happen or before is None or before.status != "scheduled" or after.status != "publishing":
        return
    if world.observer.raw.execute("SELECT 1 FROM pauses").fetchone():
        yield "claimed during a pause"
