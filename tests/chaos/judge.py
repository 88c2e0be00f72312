"""Holds what happened against what was asked: lost, sent twice, early, sent after it was called off, and untold."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.authored_post import Story
from tests.chaos.evidence import Arrival, Case, Transition

CLOCK_GRAIN = 2e-6  # the database keeps microseconds, and a float of unix seconds is hardly finer
NOT_OUT = ("not_sent", "transient", "permanent", "reconnect")
LEASE_OVER = ("lease_over", "lease_over_unsent", "lease_over_held")


@dataclass
class Findings:
    """Post ids, each with what is wrong, and why there were further attempts."""

    lost: dict[str, str] = field(default_factory=dict)
    twice: dict[str, str] = field(default_factory=dict)
    early: dict[str, str] = field(default_factory=dict)
    after_cancel: dict[str, str] = field(default_factory=dict)
    untold: dict[str, str] = field(default_factory=dict)
    further_attempts: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.twice or self.early or self.after_cancel)


def judge(stories: Mapping[str, Story], cases: Mapping[str, Case], lease_seconds: float) -> Findings:
    """`lease_seconds` is how long an attempt of unknown outcome has to be waited for."""
    findings = Findings()
    for post_id, case in cases.items():
        story = stories.get(post_id) or Story(post_id, "unknown", "")
        _judge_intent(findings, story, case)
        _judge_instants(findings, story, case)
        _judge_number(findings, post_id, case, lease_seconds)
    return findings


def _judge_intent(findings: Findings, story: Story, case: Case) -> None:
    if case.copies and case.status != "published":
        findings.untold[story.post_id] = f"out as {case.copies[0].urn}, yet {case.status} in the database"
    elif story.wanted and case.status != "published":
        findings.lost[story.post_id] = f"{case.status}, {case.error_code or 'no error'}, and no copy"
    elif story.wanted and not case.copies:
        findings.lost[story.post_id] = "published in the database, and no copy"


def _judge_instants(findings: Findings, story: Story, case: Case) -> None:
    for arrival in case.arrivals:
        dues = story.dues_at(arrival.at)
        if dues:
            ahead = min(dues) - arrival.at
            if ahead > CLOCK_GRAIN:
                findings.early[story.post_id] = f"attempt {arrival.attempt} arrived {ahead:.6f} s early"
        elif story.called_off_before(arrival.at):
            findings.after_cancel[story.post_id] = f"attempt {arrival.attempt} arrived after it was called off"
        else:
            findings.early[story.post_id] = f"attempt {arrival.attempt} arrived though never scheduled"


def _judge_number(findings: Findings, post_id: str, case: Case, lease_seconds: float) -> None:
    if len(case.copies) > 1:
        findings.twice[post_id] = f"{len(case.copies)} copies"
    for attempt, count in Counter(arrival.attempt for arrival in case.arrivals).items():
        if count > 1:
            findings.twice[post_id] = f"attempt {attempt} arrived {count} times"
    for arrival in case.arrivals:
        wrong = _unrecorded(case, arrival)
        if wrong is None and arrival.attempt is not None and arrival.attempt > 1:
            why, wrong = _why_again(case, arrival.attempt - 1, lease_seconds)
            findings.further_attempts[why] += 1
        if wrong is not None:
            findings.twice.setdefault(post_id, wrong)


def _unrecorded(case: Case, arrival: Arrival) -> str | None:
    """An attempt that the database has forgotten, or never had, fences nothing."""
    if arrival.attempt in [attempt.number for attempt in case.attempts]:
        return None
    return f"attempt {arrival.attempt} arrived and is not in the database"


def _why_again(case: Case, before: int, lease_seconds: float) -> tuple[str, str | None]:
    """Why the attempt after `before` was allowed, and what is wrong if it was not."""
    claimed = _first(case, before, to="publishing")
    closed = _first(case, before, out_of="publishing")
    if claimed is None or closed is None:
        return "not allowed", f"attempt {before + 1} was sent while attempt {before} was still open"
    if closed.reason in LEASE_OVER:
        waited = closed.at - claimed.at
        if waited < lease_seconds - CLOCK_GRAIN:
            return "not allowed", f"the lease of attempt {before} was ended after {waited:.3f} s"
        return closed.reason, None
    outcome = next((attempt.outcome for attempt in case.attempts if attempt.number == before), None)
    return str(outcome), _contradiction(case, before, outcome)


def _contradiction(case: Case, attempt: int, outcome: str | None) -> str | None:
    """What was held for known not to be out, against what n8n saw of it."""
    arrivals = [arrival for arrival in case.arrivals if arrival.attempt == attempt]
    if outcome not in NOT_OUT:
        return f"attempt {attempt + 1} was sent after attempt {attempt} had ended as {outcome}"
    if outcome == "not_sent" and arrivals:
        return f"attempt {attempt} was held for not sent, yet it arrived"
    if any(arrival.urn for arrival in arrivals):
        return f"attempt {attempt} was held for {outcome}, yet it made a copy"
    return None


def _first(case: Case, attempt: int, to: str | None = None, out_of: str | None = None) -> Transition | None:
    for transition in case.transitions:
        left = transition.before == out_of and transition.after != "publishing"
        if transition.attempt == attempt and (transition.after == to if to else left):
            return transition
    return None
