"""The drills' report: one table, then what went wrong, with a timeline for each post."""

from collections.abc import Iterable

from tests.chaos.drills.drill import Result
from tests.chaos.judge import Findings
from tests.chaos.report import Outcome, by_kind, timeline

MAX_SHOWN = 8
HEADINGS = ("drill", "fault", "posts", "sent", "lost", "twice", "early", "late worst", "late after", "callers saw")


def table_lines(results: Iterable[Result]) -> list[str]:
    """Return the table: one line per drill under its headings."""
    rows = [HEADINGS, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS) - 1)]
    return ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows]


def _row(result: Result) -> tuple[str, ...]:
    found = result.findings
    return (
        result.drill.name,
        f"{result.fault_ended - result.fault_began:.1f} s",
        str(len(result.authored_posts)),
        str(sum(len(case.copies) for case in result.cases.values())),
        str(len(found.lost)),
        str(len(found.twice)),
        str(len(found.early) + len(found.after_cancel)),
        _seconds(lateness(result, since=0.0)),
        _seconds(lateness(result, since=result.fault_ended)),
        f"{result.answers}  {'ok' if result.good else 'NOT OK'}",
    )


def lateness(result: Result, since: float) -> list[float]:
    """Return the seconds from due instant to arrival of the posts last scheduled from `since` on."""
    found = []
    for post_id, post in result.authored_posts.items():
        arrivals = result.cases[post_id].arrivals
        if post.should_publish and post.due is not None and arrivals and post.calls[-1].began >= since:
            found.append(arrivals[0].at - max(post.due, post.calls[0].began))
    return found


def _seconds(found: list[float]) -> str:
    return f"{max(found):.2f} s" if found else "-"


def problem_lines(result: Result) -> list[str]:
    """Return what went wrong in a drill, empty if nothing did."""
    lines = [f"{result.drill.name}: {note}" for note in result.notes]
    lines += [f"{result.drill.name}: {problem}" for problem in result.problems[:MAX_SHOWN]]
    if not result.settled:
        lines.append(f"{result.drill.name}: posts were still open at the deadline")
    outcome = Outcome(0, 0.0, None, result.findings, result.authored_posts, result.cases, [])
    for post_id, wrong in _wrong_posts(result.findings)[:MAX_SHOWN]:
        lines += ["", f"{result.drill.name}: {post_id}: {wrong}", *timeline(outcome, post_id)]
    return lines


def _wrong_posts(found: Findings) -> list[tuple[str, str]]:
    return [(post, f"{kind}: {why}") for kind, posts in by_kind(found).items() for post, why in posts.items()]
