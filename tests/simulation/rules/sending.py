"""Rules on sends and repeated sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.kernel import SECOND

if TYPE_CHECKING:
    from tests.simulation.facts import Send
    from tests.simulation.world import World

LINKEDIN_GUARD = 600 * SECOND  # µs from the first copy in which LinkedIn refuses a second one


def one_send_per_attempt(world: World, send: Send) -> Iterator[str]:
    """At most one send per post, generation and attempt, and none without its claim."""
    if send.generation < 0:
        yield f"attempt {send.attempt} was never claimed"
    if any((other.post_id, other.attempt) == (send.post_id, send.attempt) for other in world.facts.sends):
        yield f"attempt {send.attempt} was sent before"


def send_carries_the_claimed_text(world: World, send: Send) -> Iterator[str]:
    """A send carries the text of its claim, so no confirmed edit is missing."""
    row = world.facts.rows[send.post_id]
    if row.attempt == send.attempt and row.status == "publishing" and row.content != send.text:
        yield f"sends {send.text!r}, the row has {row.content!r}"


def no_send_without_proof(world: World, send: Send) -> Iterator[str]:
    """A post is sent again only if no earlier send can be public, or LinkedIn still refuses the second copy.

    An operator's policy or force excuses the rest. So does an earlier instant stamped by a clock put ahead: on SQLite
    nothing but the hosts' clocks measures an age.
    """
    policy, platform = world.settings.unknown_outcome_policy, world.facts.rows[send.post_id].platform
    forced = world.facts.forced.get(send.post_id, 0)
    for earlier in world.facts.sends:
        if earlier.post_id != send.post_id or earlier.attempt <= forced:
            continue
        if policy == "retry" or (earlier.post_id, earlier.attempt) in world.facts.absent:
            continue
        claim = world.facts.claims.get((earlier.post_id, earlier.attempt))
        if claim is not None and claim.clock_ahead:
            world.facts.excused["sent again after a clock put ahead"] += 1
            continue
        age = send.now - earlier.now
        if policy == "hold" or platform != "linkedin":
            yield f"attempt {send.attempt} is sent to {platform}, though attempt {earlier.attempt} may be public"
        elif age >= LINKEDIN_GUARD:
            yield f"attempt {send.attempt} is sent {age / SECOND:.0f} s after attempt {earlier.attempt}, perhaps public"
