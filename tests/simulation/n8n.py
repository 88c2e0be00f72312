"""Simulates n8n and the platforms: refusals, timeouts, crashes, and late, repeated or lost reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from app.delivery import report
from app.deps import Deps
from app.domain.errors import Conflict
from app.domain.outcomes import Report
from app.domain.ports import Reply, Submission
from tests.simulation.facts import Copy, key

if TYPE_CHECKING:
    from tests.simulation.world import World

ERROR_STATUSES = (429, 500, 502, 503, 408, 404, 401, 403, 400, 413, 422, 302)
MAX_STALL_STEPS = 120  # of ten seconds each
REFUSES_DUPLICATES = ("linkedin", "facebook")


@dataclass(slots=True)
class PendingReport:
    """A report in flight. `of_copy` is the published copy it reports, None if there is none."""

    report: Report
    of_copy: Copy | None = None


class N8n:
    """The workflow. Its copies are recorded in the facts, its reports go to a random instance."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.pending = 0
        self._anonymous = not world.scenario.workflow.names_attempt

    def take(self, submission: Submission) -> None:
        """Run the workflow for a call, usually once."""
        world = self._world
        delay = world.scenario.workflow.delay * (0.5 + world.rng.random())
        self._later(delay, lambda: self._execute(submission))
        if world.inject("n8n_runs_twice"):
            again = world.rng.choice((0.0, delay, 30.0 * world.rng.random()))
            self._later(delay + again, lambda: self._execute(submission))

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self.pending += 1

        def happen() -> None:
            self.pending -= 1
            if not self._world.over:
                what()

        self._world.kernel.after(seconds, happen)

    def _execute(self, submission: Submission) -> None:
        world = self._world
        if world.inject("n8n_dies"):
            return
        if world.inject("n8n_acts_late"):
            lease = world.settings.publish_lease_seconds
            late = world.rng.choice((lease + world.rng.uniform(-3, 3), world.rng.uniform(5, 1200)))
            self._later(late, lambda: self._ask_or_act(submission))
        else:
            self._ask_or_act(submission)

    def _ask_or_act(self, submission: Submission) -> None:
        """Publish, after asking for a grant where the workflow does so."""
        world = self._world
        if not world.scenario.workflow.asks_first:
            self._act(submission)
            return

        def work(deps: Deps) -> None:
            report.grant_execution_claim(deps, submission.post_id, submission.attempt)

        def heard() -> None:
            if actor.error is None and not world.over:
                self._later(world.rng.random(), lambda: self._act(submission))

        actor = world.actor(f"n8n asks for attempt {submission.attempt}", "grant", work)
        actor.notes["names"] = submission.attempt
        actor.on_end.append(heard)

    def _act(self, submission: Submission) -> None:
        """Publish or be refused, then report unless the execution dies."""
        world = self._world
        world.executed(submission.post_id, submission.attempt)
        pending = self._publish(submission)
        if not world.inject("n8n_dies_after"):
            self._report(pending)

    def _publish(self, submission: Submission) -> PendingReport:
        world = self._world
        if submission.access_token not in world.valid_tokens:
            return self._failed(submission, "REVOKED_ACCESS_TOKEN", 401, "the token has been revoked", False)
        if world.inject("platform_fails"):
            return self._failed(submission, "SERVICE_UNAVAILABLE", 503, "not available at the moment", True)
        if world.inject("platform_refuses"):
            return self._failed(submission, "VALIDATION_ERROR", 400, "validation: this text is not allowed", False)
        original = self._original(submission)
        if original is not None:
            named = "" if world.inject("report_nameless") else f" of {original.urn}"
            text = f"Content is a duplicate{named}"
            return self._failed(submission, "DUPLICATE_POST", 422, text, False)
        copy = Copy(
            f"urn:li:share:{7_000_000 + len(world.facts.copies)}",
            key(submission.post_id),
            submission.attempt,
            submission.person_urn,
            submission.platform,
            submission.content,
        )
        world.published(copy)
        urn = None if world.inject("report_nameless") else copy.urn
        return PendingReport(Report(submission.post_id, True, external_id=urn, attempt=self._named(submission)), copy)

    def _original(self, submission: Submission) -> Copy | None:
        if submission.platform not in REFUSES_DUPLICATES:
            return None
        what = (submission.platform, submission.person_urn, submission.content)
        copies = self._world.facts.copies
        return next((copy for copy in copies if (copy.platform, copy.account, copy.text) == what), None)

    def _named(self, submission: Submission) -> int | None:
        return None if self._anonymous else submission.attempt

    def _failed(self, submission: Submission, code: str, status: int, text: str, retryable: bool) -> PendingReport:
        report = Report(
            submission.post_id,
            False,
            error=text,
            error_code=code,
            http_status=status,
            retryable=retryable,
            attempt=self._named(submission),
        )
        return PendingReport(report)

    def _report(self, pending: PendingReport) -> None:
        world, rng = self._world, self._world.rng
        if world.inject("report_wrong"):
            misnamed = replace(pending, report=replace(pending.report, attempt=99))
            self._later(rng.random(), lambda: self._send_report(misnamed, 3))
        if world.inject("report_lost"):
            return
        late = rng.uniform(5, 1500) if world.inject("report_late") else 0.2 * rng.random()
        self._later(late, lambda: self._send_report(pending, 0))
        while world.inject("report_repeated"):
            next_try = world.settings.retry_base_seconds * rng.uniform(
                0.9, 1.2
            )  # perhaps while the next attempt is in flight
            again = late + rng.choice((0.0, rng.uniform(0, 3), next_try, rng.uniform(0, 1200)))
            self._later(again, lambda: self._send_report(pending, 0))

    def _send_report(self, pending: PendingReport, tried: int) -> None:
        world, sent = self._world, pending.report

        def work(deps: Deps) -> object:
            return report.apply_report(deps, sent)

        def judge() -> None:
            if world.over:
                return
            if actor.error is None:
                world.report_was_taken(pending.report, pending.of_copy)
            elif not isinstance(actor.error, Conflict) and world.scenario.workflow.reports_again and tried < 3:
                self._later(5.0, lambda: self._send_report(pending, tried + 1))

        what = "published" if sent.published else f"failed {sent.error_code or sent.error}"
        actor = world.actor(f"report {what} of attempt {sent.attempt or '?'}", "report", work)
        actor.notes["names"], actor.notes["post_id"] = sent.attempt, key(sent.post_id)
        actor.notes["named_urn"] = sent.external_id or ("urn:" in sent.error)
        actor.on_end.append(judge)


class SimulatedPublisher:
    """ports.Publisher of one instance."""

    def __init__(self, world: World, n8n: N8n, instance: int) -> None:
        self._world = world
        self._n8n = n8n
        self._instance = instance

    def send(self, submission: Submission) -> Reply:
        world, rng = self._world, self._world.rng
        world.step("n8n.send", may_freeze=False)
        sent_at = world.clocks[self._instance].now()
        world.sent(submission, sent_at)
        if world.n8n_is_out() or world.inject("n8n_unreachable"):
            world.kernel.pause(rng.choice((0.01, 5.0)))
            return Reply("not_sent", sent_at, error="simulated: connection refused")
        world.kernel.pause(0.2 * rng.random())
        reply = self._answer(submission, sent_at)
        world.step(f"n8n answers {reply.status or reply.kind}")
        if world.inject("stall"):
            self._stall(key(submission.post_id), submission.attempt)
        return reply

    def _stall(self, post_id: str, attempt: int) -> None:
        world = self._world
        for _ in range(MAX_STALL_STEPS):
            if world.facts.rows[post_id].attempt > attempt:
                break
            world.kernel.pause(10)
        world.step("goes on", may_freeze=False)

    def _answer(self, submission: Submission, sent_at: datetime) -> Reply:
        world, rng = self._world, self._world.rng
        if world.inject("n8n_refuses"):
            wait = rng.choice((None, "3", "90"))
            return Reply("answered", sent_at, rng.choice(ERROR_STATUSES), wait, "simulated")
        if world.inject("n8n_hangs"):
            if rng.random() < 0.6:
                self._n8n.take(submission)
            world.kernel.pause(world.settings.n8n_timeout_seconds * rng.choice((1.0, rng.random())))
            if rng.random() < 0.5:
                return Reply("answered", sent_at, 524, body="simulated")
            return Reply("unknown", sent_at, error="simulated: no answer")
        self._n8n.take(submission)
        world.kernel.pause(0.3 * rng.random())
        return Reply("answered", sent_at, 200)

    def warm(self, count: int = 1) -> None:
        self._world.step("n8n.warm")

    def check(self) -> str | None:
        return None
