"""Rules on generations of deliveries and messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.observer import Change
    from tests.simulation.qstash import Message
    from tests.simulation.world import World


def delivery_claims_only_its_generation(world: World, change: Change) -> Iterator[str]:
    """A message of an old generation claims nothing."""
    before, after = change.before, change.after
    if before is None or after.status != "publishing" or before.status == "publishing":
        return
    if "inside" in change.actor.notes:  # a thread of a gate
        if not change.actor.notes["inside"][after.id, before.generation]:
            yield f"{change.actor.name} claimed generation {before.generation}, which no delivery inside carries"
        return
    carried = {key.replace("-", ""): generation for key, generation in change.actor.notes.get("carries", {}).items()}
    if carried.get(after.id) != before.generation:
        yield f"{change.actor.name} came for generation {carried.get(after.id)} and claimed {before.generation}"


def messages_follow_commits(world: World, message: Message) -> Iterator[str]:
    """Commit, then arm: no message carries an uncommitted generation."""
    row = world.facts.rows.get(message.post_id.replace("-", ""))
    if row is None or row.generation < message.generation:
        yield f"a message for generation {message.generation}, which is not in the database"
