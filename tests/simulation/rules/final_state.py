"""Rules on the state after the faults have ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.world import World

KNOWN_UNPUBLISHED = ("not_sent", "transient", "permanent", "reconnect")


def every_post_ends(world: World, _: object) -> Iterator[str]:
    """Every post ends within a sweep's period, the retry delay and the lease."""
    for row in world.facts.rows.values():
        if row.status in ("scheduled", "publishing"):
            yield f"post {row.id[:4]} is still {row.status}, due {row.next_attempt_at}, lease {row.lease_until}"


def recorded_outcomes_are_true(world: World, _: object) -> Iterator[str]:
    """A copy exists for each attempt recorded as published, and for none recorded as unpublished."""
    query = "SELECT post_id, attempt, outcome FROM attempts"
    published = {(copy.post_id, copy.attempt) for copy in world.facts.copies}
    workflow, executions = world.scenario.workflow, world.facts.executions
    for post_id, attempt, outcome in world.observer.raw.execute(query):
        is_published = (post_id, attempt) in published
        ran_twice = not workflow.asks_first and executions[post_id, attempt] > 1
        if outcome in KNOWN_UNPUBLISHED and is_published and not ran_twice:
            yield f"attempt {attempt} of {post_id[:4]} is recorded as {outcome}, but it was published"
        is_named = workflow.names_attempt and post_id not in world.facts.misnamed
        if outcome == "published" and not is_published and is_named:
            yield f"attempt {attempt} of {post_id[:4]} is recorded as published, but it was not"
