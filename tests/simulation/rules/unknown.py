"""Rules on attempts with an unknown outcome: how long they wait, and when LinkedIn is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.facts import stamp

if TYPE_CHECKING:
    from tests.simulation.facts import Row
    from tests.simulation.observer import Change
    from tests.simulation.world import World

GUARD_SECONDS = 540.0
SPARE_SECONDS = 30.0  # for the answers, the claim of the execution and the alarm itself
#: Kinds of faults without influence on the alarm at the end of a lease.
HARMLESS = ("n8n_", "proxy_", "workflow_", "platform_", "report_", "media_", "posted_", "sweep_")


def unknown_waits_for_its_lease(world: World, change: Change) -> Iterator[str]:
    """A sent post fails as unknown only past its lease, since the true report may still come."""
    before, row = change.before, change.after
    if before is None or not _is_held(before, row) or world.clocks[change.actor.instance].most_ahead:
        return
    sent = any((send.post_id, send.attempt) == (row.id, row.attempt) for send in world.facts.sends)
    if not sent or "duplicate" in world.facts.causes[row.id]:
        return  # nothing can be reported of an unsent attempt, and a refusal without a URN is final
    now = stamp(world.clocks[change.actor.instance].now())
    if (before.lease_until or "") > now:
        yield f"failed as unknown at {now}, under a lease until {before.lease_until}"


def linkedin_is_tried_again_in_time(world: World, change: Change) -> Iterator[str]:
    """LinkedIn's guard is used: while nothing but n8n and the platform fails, the first unknown attempt is repeated."""
    before, row, s = change.before, change.after, world.settings
    if before is None or not _is_held(before, row) or row.platform != "linkedin" or s.poll_mode:
        return
    if s.unknown_outcome_policy != "auto" or before.retry_count >= s.max_retries:
        return
    lease = s.publish_lease_seconds + s.n8n_timeout_seconds + world.scenario.workflow.delay * 1.5
    sends = [send for send in world.facts.sends if send.post_id == row.id]
    if lease + SPARE_SECONDS < GUARD_SECONDS and len(sends) == 1 and _is_calm(world):
        yield f"held after one unknown attempt at {stamp(world.kernel.instant())}, though LinkedIn refuses duplicates"


def _is_held(before: Row, row: Row) -> bool:
    return before.status == "publishing" and (row.status, row.error_code) == ("failed", "outcome_unknown")


def _is_calm(world: World) -> bool:
    """Return True if no fault has touched the message service, the database, a process, a clock or an account."""
    kinds = [kind for kind, count in world.faults.counts.items() if count]
    return all(kind.startswith(HARMLESS) for kind in kinds)
