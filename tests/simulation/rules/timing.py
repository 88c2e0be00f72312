"""Rules against early claims and sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.facts import stamp
from tests.simulation.scenario import MAX_SKEW

if TYPE_CHECKING:
    from tests.simulation.facts import Send
    from tests.simulation.observer import Change
    from tests.simulation.world import World


def never_claimed_early(world: World, change: Change) -> Iterator[str]:
    """A claim comes at or after the due instant, by the clock of the claiming instance.

    It is committed then too. A clock put back meanwhile is excused where it was right before.
    """
    before, after = change.before, change.after
    if before is None or before.status != "scheduled" or after.status != "publishing":
        return
    claim, due = world.facts.claims[after.id, after.attempt], before.next_attempt_at or ""
    if claim.at < due:
        yield f"claimed at {claim.at}, due at {due}"
    clock = world.clocks[claim.instance]
    now = max(stamp(clock.now()), stamp(world.kernel.instant(clock.offset)))
    if now < due and not claim.clock_ahead:
        yield f"committed at {now}, due at {due}"


def never_sent_early(world: World, send: Send) -> Iterator[str]:
    """A send comes at or after the chosen instant.

    By the sender's clock this is exact. In true time the clocks' maximal error is tolerated. A clock put ahead is
    counted only: SQLite has no clock but the host's. A retry by hand is for now.
    """
    claim = world.facts.claims.get((send.post_id, send.attempt))
    if claim is None:
        return
    promised = world.facts.promised.get((send.post_id, claim.generation), "")
    early_by_own_clock = claim.at < promised or stamp(send.own_clock) < promised
    early = stamp(world.kernel.instant() + timedelta(microseconds=MAX_SKEW)) < promised
    if claim.clock_ahead:
        world.facts.excused["early by a clock put ahead"] += early
        return
    if early_by_own_clock:
        yield f"claimed at {claim.at} and sent at {stamp(send.own_clock)} for {promised}"
    if early:
        yield f"sent at {world.kernel.instant()} in truth, for {promised}"
