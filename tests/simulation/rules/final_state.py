"""How a story must end once nothing goes wrong any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.world import World

KNOWN_NOT_OUT = ("not_sent", "transient", "permanent", "reconnect")


def every_post_ends(world: World, _: object) -> Iterator[str]:
    """Published, failed, cancelled, or a draft again; within a sweep's period, the retry's time and the lease."""
    for row in world.facts.rows.values():
        if row.status in ("scheduled", "publishing"):
            yield f"post {row.id[:4]} is still {row.status}, due {row.next_attempt_at}, lease {row.lease_until}"


def what_is_known_is_true(world: World, _: object) -> Iterator[str]:
    """An attempt recorded as not out has no copy, and one recorded as out has one."""
    query = "SELECT post_id, attempt, outcome FROM attempts"
    out = {(copy.post_id, copy.attempt) for copy in world.facts.copies}
    workflow, executions = world.scenario.workflow, world.facts.executions
    for post_id, attempt, outcome in world.observer.raw.execute(query):
        is_out = (post_id, attempt) in out
        ran_twice = not workflow.asks_first and executions[post_id, attempt] > 1
        if outcome in KNOWN_NOT_OUT and is_out and not ran_twice:
            yield f"attempt {attempt} of {post_id[:4]} is recorded as {outcome}, and it is out"
        if outcome == "published" and not is_out and workflow.names_attempt:
            yield f"attempt {attempt} of {post_id[:4]} is recorded as published, and it is not out"
