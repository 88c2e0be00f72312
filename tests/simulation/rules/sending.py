"""What may be sent, and what may be sent again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.domain.outcomes import must_hold
from app.domain.platforms import LIMITS

if TYPE_CHECKING:
    from tests.simulation.facts import Send
    from tests.simulation.world import World

KNOWN_NOT_OUT = ("not_sent", "transient", "permanent", "reconnect")


def one_send_per_attempt(world: World, send: Send) -> Iterator[str]:
    """At most one send per post, generation and attempt, and none without its claim."""
    if send.generation < 0:
        yield f"attempt {send.attempt} was never claimed"
    if any((other.post_id, other.attempt) == (send.post_id, send.attempt) for other in world.facts.sends):
        yield f"attempt {send.attempt} was sent before"


def only_what_may_be_tried_again_is_sent_again(world: World, send: Send) -> Iterator[str]:
    """Every earlier attempt is known not to be out, or unknown with its lease over where that may be tried again: by
    the platform's own refusal of duplicates, by the operator's policy, or by force."""
    row = world.facts.rows[send.post_id]
    held = must_hold(world.settings.unknown_outcome_policy, LIMITS[row.platform].refuses_duplicates)
    query = "SELECT attempt, outcome FROM attempts WHERE post_id = ? AND attempt < ? AND sent_at IS NOT NULL"
    for attempt, outcome in world.observer.raw.execute(query, (send.post_id, send.attempt)):
        if outcome in KNOWN_NOT_OUT or attempt <= world.facts.forced.get(send.post_id, 0):
            continue
        if outcome != "unknown":
            yield f"attempt {send.attempt} is sent while attempt {attempt} is {outcome or 'under way'}"
        elif held:
            yield f"attempt {send.attempt} is sent, though attempt {attempt} is unknown and nobody forced it"
