"""The workflow in n8n: an execution may ask for its claim, calls the platform once and reports the result.

Invariant: an execution knows its call and the platform's answer, never the truth behind a lost answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from app.deps import Deps
from app.domain.ports import Submission
from tests.simulation import reports, routes
from tests.simulation.facts import key
from tests.simulation.platforms import Call
from tests.simulation.reports import PendingReport

if TYPE_CHECKING:
    from tests.simulation.world import World

MAX_REPORT_TRIES = 3
MAX_ATTEMPT = 10**9  # a larger number is no attempt


class Executions:
    """All executions of one seed. `pending` counts their steps and reports in flight."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._setup = world.scenario.workflow
        self.pending = 0

    def start(self, submission: Submission) -> None:
        """Run the workflow for a call, usually once."""
        world, called_at = self._world, self._world.kernel.now
        delay = self._setup.delay * (0.5 + world.rng.random())
        self._later(delay, lambda: self._execute(submission, called_at))
        if world.inject("n8n_runs_twice"):
            again = world.rng.choice((0.0, delay, 30.0 * world.rng.random()))
            self._later(delay + again, lambda: self._execute(submission, called_at))

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self.pending += 1

        def happen() -> None:
            self.pending -= 1
            if not self._world.over:
                what()

        self._world.kernel.after(seconds, happen)

    def _execute(self, submission: Submission, called_at: int) -> None:
        world = self._world
        if world.inject("n8n_dies"):
            return
        if world.inject("workflow_fails_early"):
            failed = reports.early_failure(world.rng, submission.post_id, submission.attempt, submission.content)
            self._report(failed)
        elif world.inject("n8n_acts_late"):
            lease = world.settings.publish_lease_seconds
            late = world.rng.choice((lease + world.rng.uniform(-3, 3), world.rng.uniform(5, 1200)))
            self._later(late, lambda: self._ask_or_act(submission, called_at))
        else:
            self._ask_or_act(submission, called_at)

    def _ask_or_act(self, submission: Submission, called_at: int) -> None:
        """Publish, after asking for the claim where the workflow does so."""
        world = self._world
        if not self._setup.asks_first:
            self._act(submission, called_at)
            return

        def work(deps: Deps) -> routes.HttpAnswer:
            body = {"postId": submission.post_id, "attempt": submission.attempt}
            return world.routes.post(deps, routes.CLAIM, body)

        def heard() -> None:
            if actor.result is not None and actor.result.ok and not world.over:
                world.facts.granted.add((key(submission.post_id), submission.attempt))
                self._later(world.rng.random(), lambda: self._act(submission, called_at))

        actor = world.actor(f"n8n asks for attempt {submission.attempt}", "grant", work)
        actor.notes["names"] = submission.attempt
        actor.on_end.append(heard)

    def _act(self, submission: Submission, called_at: int) -> None:
        """Call the platform, then report its answer unless the execution dies."""
        world, rng = self._world, self._world.rng
        post_id, attempt = submission.post_id, submission.attempt
        world.executed(post_id, attempt)
        platform, account, token = submission.platform, submission.person_urn, submission.access_token
        text = submission.content
        answer = world.platforms.publish(Call(key(post_id), attempt, platform, account, token, text, called_at))
        world.record("platform", f"answers {answer.status or answer.code} ({answer.says})", key(post_id))
        if world.inject("n8n_dies_after"):
            return
        if answer.copy is not None and answer.says == "published":
            if world.inject("workflow_fails_late"):
                self._report(reports.late_failure(rng, post_id, attempt, answer.copy))
                return
            nameless = world.inject("report_nameless")
            self._report(reports.success(rng, post_id, attempt, answer.copy, nameless=nameless))
            return
        careless = self._setup.careless and self._setup.asks_first
        form = rng.choice(self._setup.forms)
        self._report(reports.failure(rng, post_id, attempt, text, answer, form, careless=careless))

    def _report(self, pending: PendingReport) -> None:
        """Send the report once, later, again, or never, and name its attempt as the workflow does."""
        world, rng = self._world, self._world.rng
        if self._setup.names_attempt:
            pending.body["attempt"] = rng.choice((pending.attempt, pending.attempt, str(pending.attempt)))
        if world.inject("report_misnamed"):
            pending.body["attempt"] = rng.choice(reports.MISNAMED)
            world.facts.misnamed.add(key(pending.post_id))
        if world.inject("report_wrong"):
            wrong = replace(pending, body=pending.body | {"attempt": 99})
            self._later(rng.random(), lambda: self._send(wrong, MAX_REPORT_TRIES))
        if world.inject("report_lost"):
            return
        late = rng.uniform(5, 1500) if world.inject("report_late") else 0.2 * rng.random()
        self._later(late, lambda: self._send(pending, 0))
        while world.inject("report_repeated"):
            next_try = world.settings.retry_base_seconds * rng.uniform(0.9, 1.2)  # while the next attempt is in flight
            again = late + rng.choice((0.0, rng.uniform(0, 3), next_try, rng.uniform(0, 1200)))
            self._later(again, lambda: self._send(pending, 0))

    def _send(self, pending: PendingReport, tried: int) -> None:
        world = self._world

        def work(deps: Deps) -> routes.HttpAnswer:
            world.evidence.report_is_on_its_way(pending)
            return world.routes.post(deps, routes.REPORT, pending.body)

        def judge() -> None:
            if world.over:
                return
            answered = actor.result is not None
            if answered:
                world.report_was_answered(pending, actor.result)
            retryable = not answered or actor.result.status >= 500
            if retryable and self._setup.reports_again and tried < MAX_REPORT_TRIES:
                self._later(5.0, lambda: self._send(pending, tried + 1))

        body = pending.body
        what = "published" if body["status"] == "published" else f"failed {body.get('errorCode', pending.says)}"
        actor = world.actor(f"report {what} of attempt {body.get('attempt', '?')!s}", "report", work)
        actor.notes |= {"names": _number(body.get("attempt")), "post_id": key(pending.post_id), "report": pending}
        actor.on_end.append(judge)


def _number(named: object) -> int | None:
    """Return the attempt that a report names, None where it names none."""
    number = int(named) if isinstance(named, str) and named.isdigit() else named
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 0 < number < MAX_ATTEMPT else None
