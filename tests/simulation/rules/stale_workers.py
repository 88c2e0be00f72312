"""Rule: only the current attempt, a report or an expired lease may end an attempt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.facts import stamp

if TYPE_CHECKING:
    from tests.simulation.facts import Row
    from tests.simulation.observer import Change
    from tests.simulation.world import World

TAKEN_AWAY = ("lease_over", "retried_by", "failed_by_hand")
WRONG_CLOCK = timedelta(seconds=30)


def stale_workers_change_nothing(world: World, change: Change) -> Iterator[str]:
    """A publishing post is changed by its attempt, by a report about it, or after its lease."""
    before, after, notes = change.before, change.after, change.actor.notes
    if before is None or before.status != "publishing":
        return
    if after.status == "publishing":
        if after.attempt != before.attempt:
            yield f"attempt {after.attempt} replaced the running attempt {before.attempt}"
        elif after.lease_until == before.lease_until or _was_too_long(world, before, after):
            return
    if after.status == "published":
        return  # late truth wins
    if any(step.reason.startswith(TAKEN_AWAY) for step in change.steps):
        clock = world.clocks[change.actor.instance]
        now = stamp(clock.now())
        if (before.lease_until or "") > now and not clock.most_ahead:
            yield f"taken away at {now}, under a lease until {before.lease_until}"
        return
    holder = notes.get("claimed", {}).get(before.id) if notes["kind"] in ("delivery", "gate") else notes.get("names")
    if holder != before.attempt and not (notes["kind"] == "report" and holder is None):
        yield f"{change.actor.name}, of attempt {holder}, changed what attempt {before.attempt} holds"


def _was_too_long(world: World, before: Row, after: Row) -> bool:
    """Return True if a lease that only a clock put ahead can have written was cut to a whole one."""
    now, lease = world.kernel.instant(), timedelta(seconds=world.settings.publish_lease_seconds)
    too_long = (before.lease_until or "") > stamp(now + lease + WRONG_CLOCK)
    return too_long and (after.lease_until or "") > stamp(now + lease - WRONG_CLOCK)
