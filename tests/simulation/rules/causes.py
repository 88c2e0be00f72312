"""Rules on failed posts: the reason given to the author is one that happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.media import has_gone

if TYPE_CHECKING:
    from tests.simulation.observer import Change
    from tests.simulation.world import World

PLATFORM = {"refused", "busy", "token", "duplicate"}
#: The causes that allow each error code. Codes of the platforms' refusals are not listed.
ALLOWED = {
    "reconnect_required": {"token"},
    "duplicate_content": {"duplicate"},
    "rejected_by_publisher": {"refused_by_n8n"},
    "retries_exhausted": {"failed"},
    "outcome_unknown": {"claimed"},
    "failed_by_hand": {"claimed"},
    "missed": {"missed"},
}


def failures_have_a_cause(world: World, change: Change) -> Iterator[str]:
    """A post fails only for a reason that n8n, the platform or the author gave."""
    before, row = change.before, change.after
    if row.status != "failed" or before is None or before.status == "failed":
        return
    code = row.error_code or ""
    if code in ("media_unreachable", "media_not_public"):
        if not has_gone(row.media):
            yield f"failed as {code}, but the media of this version are good"
        return
    happened = world.facts.causes[row.id] | {"claimed"}
    happened |= {"missed"} if world.settings.max_lateness_seconds is not None else set()
    if not happened & ALLOWED.get(code, PLATFORM):
        yield f"failed as {code}, but only {sorted(happened)} happened"
