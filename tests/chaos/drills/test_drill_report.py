"""The drills' table and verdicts: a wrong post, a refused call or an open post fails the drill."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.authored_post import Action, AuthoredPost, Call
from tests.chaos.drills.catalogue import DRILLS
from tests.chaos.drills.drill import Result
from tests.chaos.drills.old_dump import HELD, judge_promise
from tests.chaos.drills.report import lateness, problem_lines, table_lines
from tests.chaos.evidence import Arrival, Case, Copy
from tests.chaos.judge import Findings

DUE = 1000.0


def result(**changes: Any) -> Result:
    call = Call(Action.SCHEDULE, 900.0, asked=DUE, ended=901.0, due=DUE, granted=True, answer="200")
    case = Case("published", arrivals=[Arrival("post", 1, DUE + 2.5)], copies=[Copy("post", DUE + 2.5)])
    posts, cases = {"post": AuthoredPost("post", "burst", "A text", [call])}, {"post": case}
    drill = DRILLS["restarts"]
    return replace(Result(drill, Findings(), posts, cases, True, DUE - 1, DUE + 2, "200 ×7"), **changes)


def test_table_has_a_line_with_the_figures_of_each_drill() -> None:
    heading, line = table_lines([result()])
    assert heading.split()[:4] == ["drill", "fault", "posts", "sent"]
    assert line.split() == ["restarts", "3.0", "s", "1", "1", "0", "0", "0", "2.50", "s", "-", "200", "×7", "ok"]


def test_lateness_after_the_fault_is_of_posts_scheduled_after_it() -> None:
    assert lateness(result(), since=800.0) == [2.5]
    assert lateness(result(), since=950.0) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"findings": Findings(lost={"post": "failed, and no copy"})},
        {"findings": Findings(twice={"post": "2 copies"})},
        {"findings": Findings(untold={"post": "out, yet failed"})},
        {"settled": False},
        {"problems": ["GET /api/posts: 500 internal_error"]},
    ],
)
def test_drill_with_a_problem_is_not_ok_and_says_why(changes: dict[str, Any]) -> None:
    failed = result(**changes)
    assert table_lines([failed])[1].endswith("NOT OK")
    assert problem_lines(failed)


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        (Case("failed", "outcome_unknown", copies=[Copy("post", DUE)], arrivals=[Arrival("post", 1, DUE)]), None),
        (Case("published", copies=[Copy("post", DUE)] * 2), "twice"),
        (
            Case("failed", "outcome_unknown", copies=[Copy("post", DUE)], arrivals=[Arrival("post", 1, DUE)] * 2),
            "twice",
        ),
        (Case("failed", "outcome_unknown"), "lost"),
        (Case("scheduled", copies=[Copy("post", DUE)]), "untold"),
    ],
)
def test_restored_post_is_judged_by_the_promise_of_its_group(case: Case, kind: str | None) -> None:
    found = Findings()
    judge_promise(found, "post", case, ("sent after the dump", HELD, 1))
    assert {name for name in ("lost", "twice", "untold") if getattr(found, name)} >= ({kind} if kind else set())
    assert bool(kind) == bool(found.lost or found.twice or found.untold)
