"""Rules on sends and repeated sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.facts import Send
    from tests.simulation.world import World

KNOWN_UNPUBLISHED = ("not_sent", "transient", "permanent", "reconnect")


def one_send_per_attempt(world: World, send: Send) -> Iterator[str]:
    """At most one send per post, generation and attempt, and none without its claim."""
    if send.generation < 0:
        yield f"attempt {send.attempt} was never claimed"
    if any((other.post_id, other.attempt) == (send.post_id, send.attempt) for other in world.facts.sends):
        yield f"attempt {send.attempt} was sent before"


def only_retryable_attempts_are_resent(world: World, send: Send) -> Iterator[str]:
    """A post is sent again only if every earlier attempt allows it.

    An earlier attempt allows it if it is known to be unpublished. An unknown one allows it after its lease, and only
    if the platform refuses duplicates, the operator's policy says retry, or an operator forced it.
    """
    row = world.facts.rows[send.post_id]
    policy = world.settings.unknown_outcome_policy
    held = policy == "hold" or (policy == "auto" and row.platform != "linkedin")
    query = "SELECT attempt, outcome FROM attempts WHERE post_id = ? AND attempt < ? AND sent_at IS NOT NULL"
    for attempt, outcome in world.observer.raw.execute(query, (send.post_id, send.attempt)):
        if outcome in KNOWN_UNPUBLISHED or attempt <= world.facts.forced.get(send.post_id, 0):
            continue
        if outcome != "unknown":
            yield f"attempt {send.attempt} is sent while attempt {attempt} is {outcome or 'under way'}"
        elif held:
            yield f"attempt {send.attempt} is sent, though attempt {attempt} is unknown and was not forced"
