"""The evidence that reached Punctual about each attempt, by the tables of the design.

Invariant: the book is generous. An attempt counts as proved absent once any true proof was on its way to the app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.ports import Reply
from tests.simulation.facts import key
from tests.simulation.reports import PendingReport

if TYPE_CHECKING:
    from tests.simulation.world import World

#: n8n's own verdicts on a post. It read the request and refused it.
VERDICTS = (400, 413, 422)
#: n8n's own statuses without a started workflow. 504 and Cloudflare's 520 to 527 prove nothing.
NEVER_STARTED = (500, 502, 503)


class Evidence:
    """Records proofs and causes in the facts."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer_is_on_its_way(self, post_id: str, attempt: int, reply: Reply) -> None:
        """Record what n8n's answer to a call proves."""
        facts, status = self._world.facts, reply.status
        if reply.kind == "answered" and status is not None and 200 <= status < 300:
            return
        refused = reply.kind == "answered" and status in VERDICTS
        facts.causes[key(post_id)].add("refused_by_n8n" if refused else "failed")
        started = reply.kind == "unknown" or (status is not None and status >= 500 and status not in NEVER_STARTED)
        if not started:
            facts.absent.add((key(post_id), attempt))

    def report_is_on_its_way(self, pending: PendingReport) -> None:
        """Record what a report proves. A duplicate refusal concerns this attempt, never an earlier one."""
        facts, post_id = self._world.facts, key(pending.post_id)
        if pending.says == "published":
            return
        facts.causes[post_id] |= {pending.says, "failed"}
        if pending.absent:
            facts.absent.add((post_id, pending.attempt))
