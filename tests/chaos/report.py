"""The report of a run: one table, and a timeline for every post with an error or with unexplained lateness."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.chaos.authored_post import Action, AuthoredPost
from tests.chaos.evidence import Case
from tests.chaos.fault_injector import FaultRecord
from tests.chaos.judge import Findings

MAX_SHOWN = 10
#: From here on, a post that no fault was near is shown. A killed worker has taken deliveries with it that waited for up
#: to 15 s, and QStash brings them again after 12 s.
LATE_MS = 1000.0
BEFORE, AFTER = 3.0, 3.0  # seconds around a fault in which a post may be affected by it


@dataclass
class Outcome:
    """A finished run with its findings. `origin` is the shared due instant."""

    seed: int
    origin: float
    settled_at: float | None  # None: the deadline came first
    findings: Findings
    authored_posts: Mapping[str, AuthoredPost]
    cases: Mapping[str, Case]
    fault_records: list[FaultRecord]
    in_flight: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def cut(self) -> list[str]:
        """Return the posts in flight at SIGTERM without a recorded answer."""
        return [post for post in self.in_flight if not _has_answer(self.cases[post])]

    @property
    def good(self) -> bool:
        return self.findings.clean and not self.cut and not self.problems


def _has_answer(case: Case) -> bool:
    return any(attempt.number == 1 and attempt.http_status == 200 for attempt in case.attempts)


def report_lines(outcome: Outcome) -> list[str]:
    lines = ["", "Faults:"]
    lines += [_fault_line(record, outcome.origin) for record in outcome.fault_records]
    lines += ["", *_figures(outcome), "", result_line(outcome)]
    for post_id, wrong in list(_posts_with_errors(outcome).items())[:MAX_SHOWN]:
        lines += ["", f"{post_id}: {wrong}", *timeline(outcome, post_id)]
    late = {id: ms for id, ms in _lateness(outcome, is_affected=False).items() if ms >= LATE_MS}
    for post_id, ms in list(late.items())[:MAX_SHOWN]:
        lines += ["", f"{post_id}: {ms:.1f} ms late, without a fault within {AFTER:g} s", *timeline(outcome, post_id)]
    return lines


def result_line(outcome: Outcome) -> str:
    found, arrivals = outcome.findings, sum(len(case.arrivals) for case in outcome.cases.values())
    return (
        f"chaos seed={outcome.seed} posts={len(outcome.authored_posts)} arrivals={arrivals} "
        f"lost={len(found.lost)} twice={len(found.twice)} early={len(found.early)} "
        f"after-cancel={len(found.after_cancel)} untold={len(found.untold)} "
        f"cut={len(outcome.cut)} done-after={_done_after(outcome)} {'ok' if outcome.good else 'NOT OK'}"
    )


def _figures(outcome: Outcome) -> list[str]:
    found = outcome.findings
    again = ", ".join(f"{why} {count}" for why, count in found.further_attempts.most_common()) or "none"
    doubts = sum(call.doubts > 0 for post in outcome.authored_posts.values() for call in post.calls)
    rows = {
        "posts": f"{len(outcome.authored_posts)}, {_statuses(outcome.cases)}",
        "changes of mind": _changes(outcome.authored_posts.values()),
        "calls in doubt": f"{doubts}, each asked again until it was answered",
        "further attempts": f"{sum(found.further_attempts.values())}: {again}",
        "in flight at SIGTERM": f"{len(outcome.in_flight)}, finished {len(outcome.in_flight) - len(outcome.cut)}",
        "lateness, unaffected": _percentiles(_lateness(outcome, is_affected=False)),
        "lateness, all the others": _percentiles(_lateness(outcome, is_affected=True)),
        "all done": f"{_done_after(outcome)} after the last due instant and the last fault",
    }
    if outcome.problems:
        rows["problems"] = "; ".join(outcome.problems[:MAX_SHOWN])
    return [f"  {name:<25} {text}" for name, text in rows.items()]


def _statuses(cases: Mapping[str, Case]) -> str:
    counts = Counter(str(case.status) for case in cases.values())
    return ", ".join(f"{count} {status}" for status, count in counts.most_common())


def _changes(authored_posts: Iterable[AuthoredPost]) -> str:
    """Count the changes by kind, and the ones refused as too late."""
    made: Counter[str] = Counter()
    refused = 0
    for post in authored_posts:
        for call in post.calls[1:]:
            name = "rescheduled" if call.action is Action.SCHEDULE else call.action.value + "d"
            made[name.replace("canceld", "cancelled")] += call.granted
            refused += not call.granted
    return ", ".join(f"{count} {name}" for name, count in made.items()) + f", {refused} came too late"


def _done_after(outcome: Outcome) -> str:
    if outcome.settled_at is None:
        return "never"
    last_fault = max((record.ended for record in outcome.fault_records), default=0.0)
    last_due = max((post.due or 0.0 for post in outcome.authored_posts.values()), default=0.0)
    return f"{outcome.settled_at - max(last_fault, last_due):.1f}s"


def _lateness(outcome: Outcome, *, is_affected: bool) -> dict[str, float]:
    """Return the lateness of each post's first arrival in ms, by its id.

    A post is unaffected when its author, n8n's treatments and the faults left it alone, and it did not queue behind
    the burst.
    """
    found = {}
    for post_id, post in outcome.authored_posts.items():
        arrivals, due = outcome.cases[post_id].arrivals, post.due
        if due is None or not post.should_publish or not arrivals:
            continue
        affected = post.label != "spread" or not post.undisturbed or _is_near_fault(outcome, due)
        if affected == is_affected:
            found[post_id] = (arrivals[0].at - due) * 1000
    return found


def _is_near_fault(outcome: Outcome, due: float) -> bool:
    burst = sum(post.label.startswith("burst") for post in outcome.authored_posts.values())
    spans = [(record.began, record.ended) for record in outcome.fault_records]
    spans.append((outcome.origin, outcome.origin + burst / 50))
    return any(began - BEFORE < due < ended + AFTER for began, ended in spans)


def _percentiles(lateness: Mapping[str, float]) -> str:
    if not lateness:
        return "no posts"
    sorted_ms = sorted(lateness.values())
    p50, p99 = (sorted_ms[min(int(len(sorted_ms) * part), len(sorted_ms) - 1)] for part in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, of {len(sorted_ms)}"


def _fault_line(record: FaultRecord, origin: float) -> str:
    note = f"  ({record.note})" if record.note else ""
    began = record.began - origin
    return f"  {_clock(record.began)}  {began:+7.2f} s  for {record.ended - record.began:5.2f} s  " + (
        f"{record.fault.value}{note}"
    )


def by_kind(found: Findings) -> dict[str, dict[str, str]]:
    """Return the wrong posts by the name of the fault, each with its reason."""
    return {
        "lost": found.lost,
        "twice": found.twice,
        "early": found.early,
        "after cancel": found.after_cancel,
        "untold": found.untold,
    }


def _posts_with_errors(outcome: Outcome) -> dict[str, str]:
    cut = dict.fromkeys(outcome.cut, "the answer to a send in flight at SIGTERM was not recorded")
    kinds = {**by_kind(outcome.findings), "cut": cut}
    wrong: dict[str, str] = {}
    for kind, posts in kinds.items():
        for post_id, why in posts.items():
            wrong[post_id] = f"{wrong[post_id]}; {kind}: {why}" if post_id in wrong else f"{kind}: {why}"
    return wrong


def timeline(outcome: Outcome, post_id: str) -> list[str]:
    """Return all events of one post and the faults between them, in time order."""
    post, case = outcome.authored_posts.get(post_id), outcome.cases[post_id]
    events: list[tuple[float, str]] = []
    for record in outcome.fault_records:
        events.append((record.began, f"--- {record.fault.value}"))
        events.append((record.ended, f"--- over: {record.fault.value}"))
    for call in post.calls if post else []:
        due = f" for {_clock(call.asked)}" if call.asked else ""
        events.append((call.began, f"author  {call.action.value}{due}"))
        if call.ended:
            text = f"author  gets {call.answer}, granted: {call.granted}, tries in doubt: {call.doubts}"
            events.append((call.ended, text))
    for row in case.transitions:
        text = f"row     {row.before} -> {row.after} ({row.reason}), generation {row.generation}, attempt {row.attempt}"
        events.append((row.at, text))
    for arrival in case.arrivals:
        events.append((arrival.at, f"n8n     attempt {arrival.attempt} arrives: {arrival.action}, {arrival.urn}"))
        events += [(_parse_instant(report["at"]), f"n8n     reports: {_short(report)}") for report in arrival.reports]
    events += [(copy.at, f"network has {copy.urn}") for copy in case.copies]
    lines = [f"  {_clock(at)}  {text}" for at, text in sorted(events)]
    lines += [f"  attempt {a.number}: {a.trigger}, {a.outcome}, HTTP {a.http_status}, {a.error}" for a in case.attempts]
    return [*([f"  {post.text}"] if post else []), *lines]


def _short(report: dict[str, object]) -> str:
    sent = report.get("report")
    status = sent.get("status") if isinstance(sent, dict) else sent
    return f"{status}, answered {report.get('answer')} {report.get('error') or ''}".strip()


def _parse_instant(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _clock(instant: float) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):%H:%M:%S.%f}"[:-3]
