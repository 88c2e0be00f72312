"""Rules on the number of published copies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.n8n import REFUSES_DUPLICATES

if TYPE_CHECKING:
    from tests.simulation.facts import Copy
    from tests.simulation.world import World


def no_second_copy_unless_forced_or_by_policy(world: World, copy: Copy) -> Iterator[str]:
    """A second copy exists only by force, or by policy where the platform accepts duplicates."""
    for other in world.facts.copies:
        if other.post_id != copy.post_id or other is copy:
            continue
        first = min(copy.attempt, other.attempt)
        if _is_allowed(world, copy, first) or _ran_twice_unasked(world, copy.post_id, first):
            continue
        yield f"{copy.platform} has {other.urn} of attempt {other.attempt} and now attempt {copy.attempt}'s"


def _is_allowed(world: World, copy: Copy, attempt: int) -> bool:
    """Return True if an operator forced the attempt, or the policy accepts a second copy."""
    if attempt <= world.facts.forced.get(copy.post_id, 0):
        return True
    return world.settings.unknown_outcome_policy == "retry" and copy.platform not in REFUSES_DUPLICATES


def _ran_twice_unasked(world: World, post_id: str, attempt: int) -> bool:
    """Return True if n8n ran one call twice without asking: Punctual cannot prevent that."""
    return not world.scenario.workflow.asks_first and world.facts.executions[post_id, attempt] > 1


def one_execution_publishes_per_grant(world: World, what: tuple[str, int]) -> Iterator[str]:
    """One execution per attempt gets the grant, where executions ask first."""
    if world.scenario.workflow.asks_first and world.facts.executions[what] > 1:
        yield f"attempt {what[1]} was granted {world.facts.executions[what]} times"
