"""Rules on the deliveries that wait at a gate: their places and their seats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.store.posts.claim_sql import Intent

if TYPE_CHECKING:
    from tests.simulation.world import World


def generation_has_one_place(world: World, group: list[Intent]) -> Iterator[str]:
    """A group has one delivery of each generation of a post. The others are its duplicates."""
    for (post_id, generation), count in Counter((one.post_id, one.generation) for one in group).items():
        if count > 1:
            yield f"generation {generation} of {post_id[:4]} is {count} times in a group"


def seats_are_given_back(world: World, _: object) -> Iterator[str]:
    """An instance without calls has all of its seats free."""
    room, busy = world.scenario.max_waiting, {actor.instance for actor in world.kernel.calls}
    for instance, deps in enumerate(world.deps):
        if deps.seats is not None and instance not in busy and deps.seats.free != room:
            yield f"instance {instance} has {deps.seats.free} of {room} seats free, and no call"
