"""Rule: the answer about an armed alarm is true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.facts import key

if TYPE_CHECKING:
    from tests.simulation.kernel import Actor
    from tests.simulation.world import World


def armed_answer_matches_row(world: World, actor: Actor) -> Iterator[str]:
    """A post answered as armed has that message in its row while the row is unchanged."""
    post = getattr(actor.result, "post", None)
    if actor.error is not None or post is None or post.message_id is None:
        return
    row = world.facts.rows[key(post.id)]
    unchanged = (row.status, row.generation, row.arm_count) == ("scheduled", post.generation, post.arm_count)
    if unchanged and row.message_id != post.message_id and post.message_id not in world.facts.lost:
        yield f"answered as armed by {post.message_id}, the row has {row.message_id}"
