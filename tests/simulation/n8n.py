"""Simulates n8n's webhook, and the proxy in front of it, as Punctual's sender meets them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from app.domain.ports import Reply, Submission
from tests.simulation.facts import key

if TYPE_CHECKING:
    from tests.simulation.world import World

MAX_STALL_STEPS = 120  # of ten seconds each
NEVER_STARTED = (500, 502, 503, 429, 408, 425, 401, 403, 402, 405, 407, 409, 410, 421, 423, 451, 499, 302, 307)
VERDICTS = (400, 413, 422)
PROXY_STATUSES = (504, 520, 521, 522, 523, 524, 525, 526, 527)  # the workflow runs on, or never ran
NOT_REGISTERED = '{"code":404,"message":"The requested webhook \\"POST publish\\" is not registered."}'
LOST_ANSWERS = ("read timed out", "connection reset by peer", "remote end closed connection without response")


class SimulatedPublisher:
    """ports.Publisher of one instance: the n8n at `place` in N8N_WEBHOOK_URL."""

    def __init__(self, world: World, instance: int, place: int = 0) -> None:
        self._world = world
        self._instance = instance
        self._place = place

    def send(self, submission: Submission) -> Reply:
        world = self._world
        world.step("n8n.send", may_freeze=False)
        sent_at = world.clocks[self._instance].now()
        world.sent(submission, sent_at)
        reply = self._call(submission, sent_at)
        world.evidence.answer_is_on_its_way(submission.post_id, submission.attempt, reply)
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

    def _call(self, submission: Submission, sent_at: datetime) -> Reply:
        """Let the call arrive, or not, and answer it."""
        world, rng, pause = self._world, self._world.rng, self._world.kernel.pause
        fails = world.scenario.failing in (None, self._place)  # by outages and restarts
        if (fails and world.is_out("n8n_outage")) or world.inject("n8n_unreachable"):
            pause(rng.choice((0.01, 5.0)))
            return Reply("not_sent", sent_at, error="connection refused")
        pause(0.2 * rng.random())
        world.instances.may_die_at_gate("calls n8n")
        if fails and world.is_out("n8n_restarts"):
            return Reply("answered", sent_at, 404, body=NOT_REGISTERED)
        if world.inject("n8n_refuses"):
            status = rng.choice(NEVER_STARTED if rng.random() < 0.8 else VERDICTS)
            return Reply("answered", sent_at, status, rng.choice((None, "3", "90")), "simulated")
        if world.inject("proxy_gives_up"):
            return self._lose_answer(submission, sent_at, rng.choice(PROXY_STATUSES))
        if world.inject("n8n_hangs"):
            return self._lose_answer(submission, sent_at, None)
        return self._accept(submission, sent_at)

    def _lose_answer(self, submission: Submission, sent_at: datetime, status: int | None) -> Reply:
        """Return a reply that says nothing of the workflow. The call was lost at one of four places."""
        world, rng = self._world, self._world.rng
        place = rng.choice(("before arrival", "before execution", "while it runs", "while it runs"))
        if place != "before arrival" and place != "before execution":
            world.executions.start(submission)
        world.kernel.pause(world.settings.n8n_timeout_seconds * rng.choice((1.0, rng.random())))
        if status is not None:
            return Reply("answered", sent_at, status, body="simulated")
        return Reply("unknown", sent_at, error=rng.choice(LOST_ANSWERS))

    def _accept(self, submission: Submission, sent_at: datetime) -> Reply:
        """Start the workflow. One that answers at its end may take longer than Punctual waits."""
        world, rng = self._world, self._world.rng
        world.executions.start(submission)
        world.instances.may_die_at_gate("waits for n8n")
        timeout = world.settings.n8n_timeout_seconds
        takes = 0.3 * rng.random()
        if world.scenario.workflow.answers_at_end:
            takes += world.scenario.workflow.delay * (0.5 + rng.random())
        if world.inject("n8n_slow"):
            takes += timeout * 2 * rng.random()
        world.kernel.pause(min(takes, timeout))
        return Reply("answered", sent_at, 200) if takes < timeout else Reply("unknown", sent_at, error="read timed out")

    def warm(self, count: int = 1) -> None:
        self._world.step("n8n.warm")

    def check(self) -> str | None:
        return None
