"""Rules on the public copies: none twice, none early, none after a cancel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.facts import stamp
from tests.simulation.kernel import EPOCH, SECOND
from tests.simulation.scenario import MAX_SKEW

if TYPE_CHECKING:
    from tests.simulation.facts import Copy
    from tests.simulation.world import World

PROMPT = 60 * SECOND  # µs between a call and its copy. A later execution may outlive every duplicate guard


def no_second_copy(world: World, copy: Copy) -> Iterator[str]:
    """A post has a second copy only where Punctual could not prevent it, or a person accepted it."""
    for other in world.facts.copies:
        if other.post_id != copy.post_id or other is copy:
            continue
        excuse = _excuse(world, copy, other)
        if excuse is None:
            yield f"{copy.platform} has {other.urn} of attempt {other.attempt} and now attempt {copy.attempt}'s"
        else:
            world.facts.excused[excuse] += 1


def _excuse(world: World, copy: Copy, other: Copy) -> str | None:
    """Return why this pair of copies is not Punctual's fault, None where it is."""
    facts, asks_first = world.facts, world.scenario.workflow.asks_first
    if min(copy.attempt, other.attempt) <= facts.forced.get(copy.post_id, 0):
        return "forced"
    if world.settings.unknown_outcome_policy == "retry" and copy.attempt != other.attempt:
        return "policy"
    claims = [facts.claims.get((one.post_id, one.attempt)) for one in (copy, other)]
    if any(claim is not None and claim.clock_ahead for claim in claims):
        return "a clock put ahead stamped a send"
    if asks_first:
        return None
    if any(facts.executions[one.post_id, one.attempt] > 1 for one in (copy, other)):
        return "one call ran twice"
    late = any(one.at - one.called_at > PROMPT for one in (copy, other))
    return "an execution published late" if late and copy.platform == "linkedin" else None


def no_early_copy(world: World, copy: Copy) -> Iterator[str]:
    """A copy becomes public at or after the instant that the author chose, in true time."""
    claim = world.facts.claims.get((copy.post_id, copy.attempt))
    promised = world.facts.promised.get((copy.post_id, claim.generation)) if claim else None
    if claim is not None and claim.clock_ahead:
        return  # the only clock of SQLite is the host's, so nothing in the database can know better
    if promised is not None and stamp(EPOCH + timedelta(microseconds=copy.at + MAX_SKEW)) < promised:
        yield f"public since {stamp(EPOCH + timedelta(microseconds=copy.at))}, promised for {promised}"


def no_copy_after_cancel(world: World, copy: Copy) -> Iterator[str]:
    """No copy comes from a call that followed an answered unschedule or cancel of its generation, unless forced."""
    if copy.attempt <= world.facts.forced.get(copy.post_id, 0):
        return
    claim = world.facts.claims.get((copy.post_id, copy.attempt))
    for generation, at in world.facts.cancelled[copy.post_id]:
        if claim is not None and claim.generation <= generation and at < copy.called_at:
            yield f"{copy.urn} was called for after generation {generation} was cancelled"


def one_execution_publishes_per_grant(world: World, what: tuple[str, int]) -> Iterator[str]:
    """One execution per attempt gets the grant, where executions ask first."""
    if world.scenario.workflow.asks_first and world.facts.executions[what] > 1:
        yield f"attempt {what[1]} was granted {world.facts.executions[what]} times"
