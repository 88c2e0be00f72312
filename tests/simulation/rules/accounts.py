"""An account that was connected anew stays connected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.observer import AccountChange
    from tests.simulation.world import World


def a_late_refusal_leaves_a_new_connection_alone(world: World, change: AccountChange) -> Iterator[str]:
    """A report about an old token says nothing about the token that replaced it."""
    if change.status != "reconnect_required" or change.actor.notes.get("names") is None:
        return
    meant = (change.actor.notes["post_id"], change.actor.notes["names"])
    for send in world.facts.sends:
        if (send.post_id, send.attempt) == meant and send.token != change.token:
            yield f"{change.actor.name} was about {send.token}, the account has {change.token} since"
