"""Compares the facts with the authors' calls: lost, twice, early, after-cancel and untold posts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.authored_post import AuthoredPost
from tests.chaos.evidence import Arrival, Case, Transition

CLOCK_TOLERANCE = 2e-6  # seconds: the database keeps microseconds, and a float of unix seconds is hardly finer
KNOWN_UNPUBLISHED = ("not_sent", "transient", "permanent", "reconnect")
LEASE_OVER = ("lease_over", "lease_over_unsent", "lease_over_held")


@dataclass
class Findings:
    """Post ids with the error of each, and counts of further attempts by reason.

    `untold`: published, but not recorded as published in the database.
    """

    lost: dict[str, str] = field(default_factory=dict)
    twice: dict[str, str] = field(default_factory=dict)
    early: dict[str, str] = field(default_factory=dict)
    after_cancel: dict[str, str] = field(default_factory=dict)
    untold: dict[str, str] = field(default_factory=dict)
    further_attempts: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.twice or self.early or self.after_cancel)


def judge(authored_posts: Mapping[str, AuthoredPost], cases: Mapping[str, Case], lease_seconds: float) -> Findings:
    """Judge every case. An attempt of unknown outcome blocks the next for `lease_seconds`."""
    findings = Findings()
    for post_id, case in cases.items():
        post = authored_posts.get(post_id) or AuthoredPost(post_id, "unknown", "")
        _judge_result(findings, post, case)
        _judge_instants(findings, post, case)
        _judge_count(findings, post_id, case, lease_seconds)
    return findings


def _judge_result(findings: Findings, post: AuthoredPost, case: Case) -> None:
    if case.copies and case.status != "published":
        findings.untold[post.post_id] = f"out as {case.copies[0].urn}, yet {case.status} in the database"
    elif post.should_publish and case.status != "published":
        findings.lost[post.post_id] = f"{case.status}, {case.error_code or 'no error'}, and no copy"
    elif post.should_publish and not case.copies:
        findings.lost[post.post_id] = "published in the database, and no copy"


def _judge_instants(findings: Findings, post: AuthoredPost, case: Case) -> None:
    for arrival in case.arrivals:
        dues = post.possible_due_instants(arrival.at)
        if dues:
            ahead = min(dues) - arrival.at
            if ahead > CLOCK_TOLERANCE:
                findings.early[post.post_id] = f"attempt {arrival.attempt} arrived {ahead:.6f} s early"
        elif post.cancelled_before(arrival.at):
            findings.after_cancel[post.post_id] = f"attempt {arrival.attempt} arrived after its cancellation"
        else:
            findings.early[post.post_id] = f"attempt {arrival.attempt} arrived though never scheduled"


def _judge_count(findings: Findings, post_id: str, case: Case, lease_seconds: float) -> None:
    if len(case.copies) > 1:
        findings.twice[post_id] = f"{len(case.copies)} copies"
    for attempt, count in Counter(arrival.attempt for arrival in case.arrivals).items():
        if count > 1:
            findings.twice[post_id] = f"attempt {attempt} arrived {count} times"
    for arrival in case.arrivals:
        wrong = _missing_row(case, arrival)
        if wrong is None and arrival.attempt is not None and arrival.attempt > 1:
            why, wrong = _reason_for_next_attempt(case, arrival.attempt - 1, lease_seconds)
            findings.further_attempts[why] += 1
        if wrong is not None:
            findings.twice.setdefault(post_id, wrong)


def _missing_row(case: Case, arrival: Arrival) -> str | None:
    """Return an error if the attempt has no row, since an attempt without a row fences nothing."""
    if arrival.attempt in [attempt.number for attempt in case.attempts]:
        return None
    return f"attempt {arrival.attempt} arrived and is not in the database"


def _reason_for_next_attempt(case: Case, before: int, lease_seconds: float) -> tuple[str, str | None]:
    """Return the reason that allowed the attempt after `before`, and an error if none did."""
    claimed = _first(case, before, to="publishing")
    closed = _first(case, before, out_of="publishing")
    if claimed is None or closed is None:
        return "not allowed", f"attempt {before + 1} was sent while attempt {before} was still open"
    if closed.reason in LEASE_OVER:
        waited = closed.at - claimed.at
        if waited < lease_seconds - CLOCK_TOLERANCE:
            return "not allowed", f"the lease of attempt {before} was ended after {waited:.3f} s"
        return closed.reason, None
    outcome = next((attempt.outcome for attempt in case.attempts if attempt.number == before), None)
    return str(outcome), _contradiction(case, before, outcome)


def _contradiction(case: Case, attempt: int, outcome: str | None) -> str | None:
    """Return an error if the recorded outcome contradicts n8n's ledger."""
    arrivals = [arrival for arrival in case.arrivals if arrival.attempt == attempt]
    if outcome not in KNOWN_UNPUBLISHED:
        return f"attempt {attempt + 1} was sent after attempt {attempt} had ended as {outcome}"
    if outcome == "not_sent" and arrivals:
        return f"attempt {attempt} is recorded as not sent, yet it arrived"
    if any(arrival.urn for arrival in arrivals):
        return f"attempt {attempt} is recorded as {outcome}, yet it made a copy"
    return None


def _first(case: Case, attempt: int, to: str | None = None, out_of: str | None = None) -> Transition | None:
    for transition in case.transitions:
        left = transition.before == out_of and transition.after != "publishing"
        if transition.attempt == attempt and (transition.after == to if to else left):
            return transition
    return None
