"""The report of a chaos run: one result line, and a timeline for each post with an error."""

from tests.chaos.authored_post import Action, AuthoredPost, Call
from tests.chaos.evidence import Arrival, Attempt, Case, Copy, Transition
from tests.chaos.fault_injector import FaultRecord
from tests.chaos.judge import judge
from tests.chaos.plan import Fault
from tests.chaos.report import Outcome, report_lines, result_line

DUE = 1000.0


def outcome(arrives: float = DUE + 0.01, http_status: int = 200) -> Outcome:
    call = Call(Action.SCHEDULE, 900.0, asked=DUE, ended=901.0, due=DUE, granted=True, answer="200")
    reports = ({"at": "1970-01-01T00:16:40.200Z", "report": {"status": "published"}, "answer": 200},)
    case = Case(
        "published",
        arrivals=[Arrival("post", 1, arrives, urn="urn:1", reports=reports)],
        copies=[Copy("post", arrives, "urn:1")],
        attempts=[Attempt(1, outcome="published", http_status=http_status)],
        transitions=[Transition(DUE, "scheduled", "publishing", "claimed", 1, 1)],
    )
    authored_posts, cases = {"post": AuthoredPost("post", "spread", "A text", [call])}, {"post": case}
    fault_records = [FaultRecord(Fault.APP, 950.0, 953.0)]
    return Outcome(
        1, DUE, DUE + 2, judge(authored_posts, cases, 20.0), authored_posts, cases, fault_records, in_flight=["post"]
    )


def test_clean_run_is_reported_in_one_line() -> None:
    assert result_line(outcome()) == (
        "chaos seed=1 posts=1 arrivals=1 lost=0 twice=0 early=0 after-cancel=0 untold=0 cut=0 done-after=2.0s ok"
    )


def test_post_with_an_error_is_reported_with_its_timeline() -> None:
    text = "\n".join(report_lines(outcome(arrives=DUE - 1)))
    assert "early=1" in text
    assert "NOT OK" in text
    assert "post: early: attempt 1 arrived 1.000000 s early" in text
    in_order = [
        "00:15:00.000  author  schedule for 00:16:40.000",
        "00:15:01.000  author  gets 200",
        "00:15:50.000  --- app: kill -9",
        "00:16:39.000  n8n     attempt 1 arrives: accept, urn:1",
        "00:16:39.000  network has urn:1",
        "00:16:40.000  row     scheduled -> publishing (claimed), generation 1, attempt 1",
        "00:16:40.200  n8n     reports: published, answered 200",
        "attempt 1: message, published, HTTP 200",
    ]
    indexes = [text.index(line) for line in in_order]
    assert indexes == sorted(indexes)


def test_send_cut_off_by_sigterm_fails_the_run() -> None:
    cut = outcome(http_status=0)
    assert cut.cut == ["post"]
    assert cut.findings.clean
    assert not cut.good


def test_late_post_that_no_fault_explains_is_shown_with_its_timeline() -> None:
    shown = "without a fault within 3 s"
    late = outcome(arrives=DUE + 1)
    late.origin = DUE - 60
    assert f"post: 1000.0 ms late, {shown}" in "\n".join(report_lines(late))
    late.fault_records.append(FaultRecord(Fault.N8N, DUE - 8, DUE - 2))
    assert shown not in "\n".join(report_lines(late))
    punctual = outcome(arrives=DUE + 0.999)
    punctual.origin = DUE - 60
    assert shown not in "\n".join(report_lines(punctual))
