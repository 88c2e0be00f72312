"""How many copies readers may see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.n8n import REFUSES_DUPLICATES

if TYPE_CHECKING:
    from tests.simulation.facts import Copy
    from tests.simulation.world import World


def no_second_copy_unless_somebody_chose_it(world: World, copy: Copy) -> Iterator[str]:
    """At most one copy where the platform refuses duplicates; elsewhere a second one only by force or by policy."""
    for other in world.facts.copies:
        if other.post_id != copy.post_id or other is copy:
            continue
        first = min(copy.attempt, other.attempt)
        if _chosen(world, copy, first) or _ran_twice_unasked(world, copy.post_id, first):
            continue
        yield f"{copy.platform} has {other.urn} of attempt {other.attempt} and now attempt {copy.attempt}'s"


def _chosen(world: World, copy: Copy, attempt: int) -> bool:
    """By an operator: for this post by force, or for all posts by a policy that the platform does not make safe."""
    if attempt <= world.facts.forced.get(copy.post_id, 0):
        return True
    return world.settings.unknown_outcome_policy == "retry" and copy.platform not in REFUSES_DUPLICATES


def _ran_twice_unasked(world: World, post_id: str, attempt: int) -> bool:
    """One call that n8n ran twice, in a workflow that does not ask first: that is beyond anybody's reach."""
    return not world.scenario.workflow.asks_first and world.facts.executions[post_id, attempt] > 1


def one_execution_acts_per_grant(world: World, what: tuple[str, int]) -> Iterator[str]:
    """Of the executions that ask before they publish, one per attempt hears yes."""
    if world.scenario.workflow.asks_first and world.facts.executions[what] > 1:
        yield f"attempt {what[1]} was granted {world.facts.executions[what]} times"
