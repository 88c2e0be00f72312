"""Rules: a reconnected account stays connected, and no other trouble disconnects one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.observer import AccountChange
    from tests.simulation.world import World


def report_about_old_token_keeps_new_connection(world: World, change: AccountChange) -> Iterator[str]:
    """A refused old token does not disable the token that replaced it."""
    if change.status != "reconnect_required" or change.actor.notes.get("names") is None:
        return
    meant = (change.actor.notes["post_id"], change.actor.notes["names"])
    for send in world.facts.sends:
        if (send.post_id, send.attempt) == meant and send.token != change.token:
            yield f"{change.actor.name} was about {send.token}, the account has {change.token} since"


def only_refused_tokens_are_marked(world: World, change: AccountChange) -> Iterator[str]:
    """An account must be reconnected only if the platform refuses its token."""
    if change.status == "reconnect_required" and change.token in world.valid_tokens:
        yield f"{change.actor.name} disabled {change.token}, which the platform accepts"
