"""The kinds of faults and their odds: each seed draws its own mix of a few kinds.

A mix finds more than all faults at once: with every fault enabled, no post gets far enough to be in danger.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

KINDS = {
    # the database
    "database_refuses": "the database does not answer at all",
    "commit_fails": "the commit fails, nothing is written",
    "commit_unheard": "the commit takes effect, its answer is lost",
    "read_fails": "a read fails",
    # processes
    "death": "a process dies between two effects",
    "instance_death": "an instance dies with all that it does",
    "slowness": "a step takes up to five seconds",
    "freeze": "a process stands still for minutes, often just about the lease",
    "stall": "a sender stands still after its answer, until another has taken the post over",
    # QStash
    "qstash_refuses": "a message is refused",
    "qstash_unheard": "a message is taken, the answer is lost",
    "qstash_outage": "QStash cannot be reached for minutes",
    "message_lost": "a message is never delivered",
    "message_repeated": "a message is delivered again",
    "message_late": "a message comes minutes late",
    "message_early": "a message comes early",
    "cancel_fails": "a cancellation is refused, or comes too late",
    "delivery_unheard": "a delivery was handled, its answer is lost",
    "failure_callback_lost": "a failure callback is lost",
    # n8n, the proxy before it and its executions
    "n8n_refuses": "n8n answers with an error status and starts nothing",
    "n8n_unreachable": "the connection to n8n is refused",
    "n8n_hangs": "n8n's answer is lost, the workflow runs or never ran",
    "n8n_slow": "n8n answers late, or later than Punctual waits",
    "n8n_restarts": "the workflow is not registered for a while",
    "proxy_gives_up": "a proxy answers 504 or 520 to 527, the workflow runs or never ran",
    "n8n_acts_late": "an execution publishes minutes after it was called",
    "n8n_dies": "an execution dies before it publishes",
    "n8n_dies_after": "an execution dies after it published, before it reports",
    "n8n_runs_twice": "one call runs twice",
    "n8n_outage": "n8n is gone for long",
    "workflow_fails_early": "a workflow fails before its publishing call",
    "workflow_fails_late": "a workflow fails after its publishing call, and reports the failure with the post's id",
    "token_unreadable": "no key opens an account's token",
    # reports
    "report_lost": "a report is lost",
    "report_late": "a report comes minutes late",
    "report_repeated": "a report comes again",
    "report_wrong": "a report comes again under an attempt that was never made",
    "report_misnamed": "a report names no attempt, or one that was never made",
    "report_nameless": "a report names no URN",
    # the platforms
    "platform_fails": "the platform answers 5xx, the post is public or not",
    "platform_times_out": "the platform's answer is lost, the post is public or not",
    "platform_unreached": "the workflow cannot reach the platform",
    "platform_busy": "the platform's limit is reached",
    "platform_refuses": "the platform refuses the post for good",
    "account_revoked": "the author revokes an account's access",
    # authors
    "posted_before": "the author has published the same text by hand",
    "posted_twice": "the author schedules the same text twice",
    "media_gone": "a file is gone until the author replaces it",
    "media_unheard": "a file's host does not answer",
    # clocks
    "clock_ahead": "an instance's clock is put ahead for a while",
    # sweeps
    "sweep_missed": "the cron does not fire",
    "sweep_doubled": "two sweeps at once",
}
#: Only in worlds whose processes have a gate.
GATE_KINDS = {
    "gate_death": "a process dies between two steps of its gate, a held claim among them",
    "gate_claim_late": "the gate's claiming thread gets no turn for a while",
    "gate_send_late": "a sending thread gets no turn",
    "gate_settle_late": "the settling thread gets no turn",
    "gate_reply_late": "the replying thread gets no turn",
    "row_locked": "another transaction holds a row that a group skips",
    "clock_back_in_hold": "the clock is put back while a claim is held",
    "clock_forward_in_hold": "the clock is put forward while a claim is held",
    "clock_righted_in_hold": "a clock put ahead is put right while a claim is held",
}
#: Only in worlds in which webhook endpoints listen.
EVENT_KINDS = {
    "endpoint_fails": "an endpoint answers 503",
    "endpoint_unheard": "an endpoint takes an event, its answer is lost",
    "endpoint_gone": "an endpoint answers 410, which ends the tries of an event",
    "endpoint_outage": "all endpoints fail for minutes",
}
#: Faults possible at every step get lower odds, faults that need a send higher ones, so all kinds occur.
WEIGHTS = {"death": 0.05, "instance_death": 0.02, "freeze": 0.1, "slowness": 0.5, "commit_fails": 0.5}
WEIGHTS |= {"database_refuses": 0.5, "commit_unheard": 0.5, "read_fails": 0.5}
WEIGHTS |= {"media_gone": 2.0, "posted_twice": 2.0, "posted_before": 2.0}
WEIGHTS |= {"endpoint_gone": 0.1}
WEIGHTS |= {"gate_death": 0.1, "gate_claim_late": 0.3, "row_locked": 0.5, "clock_righted_in_hold": 2.0}
MORE_OFTEN = ("n8n_", "report_", "platform_", "qstash_", "proxy_", "workflow_")

OFTEN = 0.4


class Faults:
    """The enabled faults of one seed, `certain` ones among them. `stopped` disables all of them."""

    def __init__(self, rng: random.Random, certain: Iterable[str] = ()) -> None:
        self._rng = rng
        self.counts: Counter[str] = Counter()
        self.stopped = False
        share = rng.choice((0.05, 0.15, 0.3, 0.6))
        self.odds = {kind: rng.choice((0.05, 0.15, OFTEN)) * _weight(kind) for kind in KINDS if rng.random() < share}
        self.odds |= dict.fromkeys(certain, OFTEN)

    def enable_gates(self, certain: Iterable[str]) -> None:
        """Draw the odds of the faults around a gate."""
        rng = self._rng
        for kind in GATE_KINDS:
            if rng.random() < 0.4:
                self.odds[kind] = rng.choice((0.05, 0.15, OFTEN)) * _weight(kind)
        self.odds |= {kind: OFTEN * _weight(kind) for kind in certain if kind in GATE_KINDS}

    def enable_events(self, certain: Iterable[str]) -> None:
        """Draw the odds of the faults around webhook endpoints."""
        rng = self._rng
        for kind in EVENT_KINDS:
            if rng.random() < 0.4:
                self.odds[kind] = rng.choice((0.05, 0.15, OFTEN)) * _weight(kind)
        self.odds |= {kind: OFTEN for kind in certain if kind in EVENT_KINDS}

    def hit(self, kind: str) -> bool:
        odds = self.odds.get(kind)
        if odds is None or self.stopped or self._rng.random() >= odds:
            return False
        self.counts[kind] += 1
        return True

    def chance(self, kind: str) -> bool:
        """Return True by the odds of this kind, also before the faults begin."""
        hit = self._rng.random() < self.odds.get(kind, 0.0)
        self.counts[kind] += hit
        return hit

    def enabled(self, kind: str) -> bool:
        return kind in self.odds and not self.stopped


def _weight(kind: str) -> float:
    return WEIGHTS.get(kind, 1.5 if kind.startswith(MORE_OFTEN) else 1.0)
