"""The simulated workflow: claim the post if configured, publish it, and report."""

import asyncio
import time
from dataclasses import replace
from typing import Any

from app.local.n8n.directives import Behaviour
from app.local.n8n.ledger import Entry, Ledger
from app.local.n8n.reporter import Reporter
from app.local.n8n.social_networks import Copy, DuplicatePostError, SocialNetworks, new_urn

Report = dict[str, Any]

# The networks' errors: message, code, HTTP status, and whether a retry can succeed.
FAILURES: dict[str, tuple[str, str, int, bool]] = {
    "permanent": ("The text has more characters than the network allows", "VALIDATION_ERROR", 400, False),
    "transient": ("The network is not available at the moment", "SERVICE_UNAVAILABLE", 503, True),
    "throttled": ("Resource level throttle limit reached", "TOO_MANY_REQUESTS", 429, True),
    "revoked": ("The token used in the request has been revoked by the user", "REVOKED_ACCESS_TOKEN", 401, False),
    "meta-190": ("Error validating access token: the session has expired", "190", 400, False),
}


class Workflow:
    """The workflow's two parts: `execute` publishes, `report` calls Punctual."""

    def __init__(
        self, networks: SocialNetworks, ledger: Ledger, reporter: Reporter, *, claim_first: bool, delay: float
    ) -> None:
        self._networks = networks
        self._ledger = ledger
        self._reporter = reporter
        self._claim_first = claim_first
        self.delay = delay

    async def execute(self, entry: Entry, behaviour: Behaviour, body: dict[str, Any]) -> list[Report]:
        """Run the workflow `behaviour.executions` times and return the reports to send."""
        reports: list[Report] = []
        for _ in range(behaviour.executions):
            if not self._claim_first or await self._reporter.may_publish(entry):
                reports += self._execute_once(entry, behaviour, body)
        return reports

    async def report(self, entry: Entry, behaviour: Behaviour, reports: list[Report]) -> None:
        """Send the reports after the delay, each `behaviour.reports` times, and record the answers."""
        await asyncio.sleep(self.delay if behaviour.report_after is None else behaviour.report_after)
        for report in reports:
            for _ in range(behaviour.reports):
                self._ledger.reported(entry, await self._reporter.send(entry, report))

    def _execute_once(self, entry: Entry, behaviour: Behaviour, body: dict[str, Any]) -> list[Report]:
        if behaviour.failure:
            return [_failed(entry, *FAILURES[behaviour.failure])]
        copy = _copy_of(body)
        try:
            first = self._publish(entry, copy)
        except DuplicatePostError as refusal:
            return [_refused_as_duplicate(entry, refusal.original)]
        others = [self._publish(entry, copy, unchecked=True) for _ in range(behaviour.copies - 1)]
        return [_published(entry, done) for done in (first, *others)]

    def _publish(self, entry: Entry, copy: Copy, *, unchecked: bool = False) -> Copy:
        now = time.time_ns()
        fresh = replace(copy, urn=new_urn(copy.platform, now), published_ns=now)
        self._networks.publish(fresh, unchecked=unchecked)
        self._ledger.published(entry, fresh.urn, fresh.published_ns)
        return fresh


def _copy_of(body: dict[str, Any]) -> Copy:
    return Copy(
        urn="",
        platform=str(body.get("platform") or "linkedin"),
        account=str(body.get("personUrn") or ""),
        text=str(body.get("content") or ""),
        post_id=str(body.get("postId") or ""),
        published_ns=0,
    )


def _published(entry: Entry, copy: Copy) -> Report:
    name = "linkedinPostUrn" if copy.platform == "linkedin" else "externalPostId"
    return _stamped(entry, {"postId": entry.post_id, "status": "published", name: copy.urn})


def _refused_as_duplicate(entry: Entry, original: Copy) -> Report:
    if original.platform == "linkedin":
        return _failed(entry, f"Content is a duplicate of {original.urn}", "DUPLICATE_POST", 422, False)
    return _failed(entry, "Duplicate status message", "506", 400, False)


def _failed(entry: Entry, message: str, code: str, status: int, retryable: bool) -> Report:
    report = {"postId": entry.post_id, "status": "failed", "errorMessage": message, "errorCode": code}
    return _stamped(entry, {**report, "httpStatus": status, "retryable": retryable})


def _stamped(entry: Entry, report: Report) -> Report:
    """Add the attempt to a report. An old Punctual sends no attempt, so its report has none."""
    return report if entry.attempt is None else {**report, "attempt": entry.attempt}
