"""Rule: only the current attempt, a report or an expired lease may end an attempt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.facts import stamp

if TYPE_CHECKING:
    from tests.simulation.observer import Change
    from tests.simulation.world import World

TAKEN_AWAY = ("lease_over", "retried_by", "failed_by_hand")
EARLY_ALARM = timedelta(seconds=10)  # an alarm at the end of a lease is believed so much too early


def stale_workers_change_nothing(world: World, change: Change) -> Iterator[str]:
    """A publishing post is changed by its attempt, by a report about it, or after its lease."""
    before, after, notes = change.before, change.after, change.actor.notes
    if before is None or before.status != "publishing":
        return
    if after.status == "publishing":
        if after.attempt != before.attempt:
            yield f"attempt {after.attempt} replaced the running attempt {before.attempt}"
        elif after.lease_until == before.lease_until:
            return
    if after.status == "published":
        return  # late truth wins
    if any(step.reason.startswith(TAKEN_AWAY) for step in change.steps):
        by_alarm = EARLY_ALARM if notes["kind"] == "delivery" else timedelta()
        now = stamp(world.clocks[change.actor.instance].now() + by_alarm)
        if (before.lease_until or "") >= now:
            yield f"taken away at {now}, under a lease until {before.lease_until}"
        return
    holder = notes.get("claimed", {}).get(before.id) if notes["kind"] == "delivery" else notes.get("names")
    if holder != before.attempt and not (notes["kind"] == "report" and holder is None):
        yield f"{change.actor.name}, of attempt {holder}, changed what attempt {before.attempt} holds"
