"""What a run has to say: one table, and for every post with something wrong its whole story."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.chaos.authored_post import Story, Wish
from tests.chaos.evidence import Case
from tests.chaos.fault_injector import Happening
from tests.chaos.judge import Findings

MAX_SHOWN = 10
BEFORE, AFTER = 3.0, 3.0  # seconds around a fault in which a post may be affected by it


@dataclass
class Outcome:
    """A finished run, as it is judged and told."""

    seed: int
    origin: float
    settled_at: float | None  # None: the deadline came first
    findings: Findings
    stories: Mapping[str, Story]
    cases: Mapping[str, Case]
    happenings: list[Happening]
    in_flight: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def cut(self) -> list[str]:
        """Sends in flight at SIGTERM whose answer was not written down."""
        return [post for post in self.in_flight if not _has_answer(self.cases[post])]

    @property
    def good(self) -> bool:
        return self.findings.clean and not self.cut and not self.problems


def _has_answer(case: Case) -> bool:
    return any(attempt.number == 1 and attempt.http_status == 200 for attempt in case.attempts)


def tell(outcome: Outcome) -> list[str]:
    lines = ["", "Faults:"]
    lines += [_fault_line(happening, outcome.origin) for happening in outcome.happenings]
    lines += ["", *_figures(outcome), "", result_line(outcome)]
    for post_id, wrong in list(_offenders(outcome).items())[:MAX_SHOWN]:
        lines += ["", f"{post_id}: {wrong}", *timeline(outcome, post_id)]
    return lines


def result_line(outcome: Outcome) -> str:
    found, arrivals = outcome.findings, sum(len(case.arrivals) for case in outcome.cases.values())
    return (
        f"chaos seed={outcome.seed} posts={len(outcome.stories)} arrivals={arrivals} "
        f"lost={len(found.lost)} twice={len(found.twice)} early={len(found.early)} "
        f"after-cancel={len(found.after_cancel)} untold={len(found.untold)} "
        f"cut={len(outcome.cut)} done-after={_done_after(outcome)} {'ok' if outcome.good else 'NOT OK'}"
    )


def _figures(outcome: Outcome) -> list[str]:
    found = outcome.findings
    again = ", ".join(f"{why} {count}" for why, count in found.further_attempts.most_common()) or "none"
    doubts = sum(call.doubts > 0 for story in outcome.stories.values() for call in story.calls)
    rows = {
        "posts": f"{len(outcome.stories)}, {_statuses(outcome.cases)}",
        "changes of mind": _changes(outcome.stories.values()),
        "calls in doubt": f"{doubts}, each asked again until it was answered",
        "further attempts": f"{sum(found.further_attempts.values())}: {again}",
        "in flight at SIGTERM": f"{len(outcome.in_flight)}, finished {len(outcome.in_flight) - len(outcome.cut)}",
        "lateness, unaffected": _percentiles(_lateness(outcome, is_affected=False)),
        "lateness, all the others": _percentiles(_lateness(outcome, is_affected=True)),
        "all done": f"{_done_after(outcome)} after the last due instant and the last fault",
    }
    if outcome.problems:
        rows["problems"] = "; ".join(outcome.problems[:MAX_SHOWN])
    return [f"  {name:<25} {told}" for name, told in rows.items()]


def _statuses(cases: Mapping[str, Case]) -> str:
    counts = Counter(str(case.status) for case in cases.values())
    return ", ".join(f"{count} {status}" for status, count in counts.most_common())


def _changes(stories: Iterable[Story]) -> str:
    """How many there were, and how many of them came too late."""
    made: Counter[str] = Counter()
    refused = 0
    for story in stories:
        for call in story.calls[1:]:
            name = "rescheduled" if call.wish is Wish.SCHEDULE else call.wish.value + "d"
            made[name.replace("canceld", "cancelled")] += call.granted
            refused += not call.granted
    return ", ".join(f"{count} {name}" for name, count in made.items()) + f", {refused} came too late"


def _done_after(outcome: Outcome) -> str:
    if outcome.settled_at is None:
        return "never"
    last_fault = max((happening.ended for happening in outcome.happenings), default=0.0)
    last_due = max((story.due or 0.0 for story in outcome.stories.values()), default=0.0)
    return f"{outcome.settled_at - max(last_fault, last_due):.1f}s"


def _lateness(outcome: Outcome, *, is_affected: bool) -> list[float]:
    """Milliseconds of first arrivals. Unaffected: left alone by the author, by n8n's treatments, by faults, and not
    standing in line behind those that share one instant."""
    found = []
    for post_id, story in outcome.stories.items():
        arrivals, due = outcome.cases[post_id].arrivals, story.due
        if due is None or not story.wanted or not arrivals:
            continue
        affected = story.label != "spread" or not story.plain or _is_near_fault(outcome, due)
        if affected == is_affected:
            found.append((arrivals[0].at - due) * 1000)
    return sorted(found)


def _is_near_fault(outcome: Outcome, due: float) -> bool:
    burst = sum(story.label.startswith("burst") for story in outcome.stories.values())
    spans = [(happening.began, happening.ended) for happening in outcome.happenings]
    spans.append((outcome.origin, outcome.origin + burst / 50))
    return any(began - BEFORE < due < ended + AFTER for began, ended in spans)


def _percentiles(sorted_ms: list[float]) -> str:
    if not sorted_ms:
        return "no posts"
    p50, p99 = (sorted_ms[min(int(len(sorted_ms) * part), len(sorted_ms) - 1)] for part in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, of {len(sorted_ms)}"


def _fault_line(happening: Happening, origin: float) -> str:
    note = f"  ({happening.note})" if happening.note else ""
    began = happening.began - origin
    return f"  {_clock(happening.began)}  {began:+7.2f} s  for {happening.ended - happening.began:5.2f} s  " + (
        f"{happening.fault.value}{note}"
    )


def _offenders(outcome: Outcome) -> dict[str, str]:
    found = outcome.findings
    kinds = {
        "lost": found.lost,
        "twice": found.twice,
        "early": found.early,
        "after cancel": found.after_cancel,
        "untold": found.untold,
        "cut": dict.fromkeys(outcome.cut, "the answer to a send in flight at SIGTERM was not written down"),
    }
    wrong: dict[str, str] = {}
    for kind, posts in kinds.items():
        for post_id, why in posts.items():
            wrong[post_id] = f"{wrong[post_id]}; {kind}: {why}" if post_id in wrong else f"{kind}: {why}"
    return wrong


def timeline(outcome: Outcome, post_id: str) -> list[str]:
    """Everything that is known of one post, with the faults between, in the order of the instants."""
    story, case = outcome.stories.get(post_id), outcome.cases[post_id]
    events: list[tuple[float, str]] = []
    for happening in outcome.happenings:
        events.append((happening.began, f"--- {happening.fault.value}"))
        events.append((happening.ended, f"--- over: {happening.fault.value}"))
    for call in story.calls if story else []:
        due = f" for {_clock(call.asked)}" if call.asked else ""
        events.append((call.began, f"author  {call.wish.value}{due}"))
        if call.ended:
            told = f"author  is told {call.answer}; granted: {call.granted}, tries in doubt: {call.doubts}"
            events.append((call.ended, told))
    for row in case.transitions:
        told = f"row     {row.before} -> {row.after} ({row.reason}), generation {row.generation}, attempt {row.attempt}"
        events.append((row.at, told))
    for arrival in case.arrivals:
        events.append((arrival.at, f"n8n     attempt {arrival.attempt} arrives; {arrival.action}, {arrival.urn}"))
        events += [(_told_at(report["at"]), f"n8n     reports: {_short(report)}") for report in arrival.reports]
    events += [(copy.at, f"network has {copy.urn}") for copy in case.copies]
    lines = [f"  {_clock(at)}  {told}" for at, told in sorted(events)]
    lines += [f"  attempt {a.number}: {a.trigger}, {a.outcome}, HTTP {a.http_status}, {a.error}" for a in case.attempts]
    return [*([f"  {story.text}"] if story else []), *lines]


def _short(report: dict[str, object]) -> str:
    sent = report.get("report")
    status = sent.get("status") if isinstance(sent, dict) else sent
    return f"{status}, answered {report.get('answer')} {report.get('error') or ''}".strip()


def _told_at(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _clock(instant: float) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):%H:%M:%S.%f}"[:-3]
