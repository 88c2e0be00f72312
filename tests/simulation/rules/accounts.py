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
    if _was_sent_by_a_wrong_clock(world, meant):
        return
    for send in world.facts.sends:
        if (send.post_id, send.attempt) == meant and send.token != change.token:
            yield f"{change.actor.name} was about {send.token}, the account has {change.token} since"


def only_refused_tokens_are_marked(world: World, change: AccountChange) -> Iterator[str]:
    """An account must be reconnected only if the platform refuses its token."""
    notes = change.actor.notes
    if _was_sent_by_a_wrong_clock(world, (notes.get("post_id", ""), notes.get("names"))):
        return
    if change.status == "reconnect_required" and change.token in world.valid_tokens:
        yield f"{change.actor.name} disabled {change.token}, which the platform accepts"


def _was_sent_by_a_wrong_clock(world: World, meant: tuple[str, int | None]) -> bool:
    """Return True if a clock put ahead stamped this attempt, so no order of it and a new token is known."""
    post_id, attempt = meant
    claim = world.facts.claims.get((post_id, attempt)) if attempt is not None else None
    return claim is not None and claim.clock_ahead
