"""What a chaos run tells: one line that says it all, and the whole story of a post with something wrong."""

from tests.chaos.authored_post import Call, Story, Wish
from tests.chaos.evidence import Arrival, Attempt, Case, Copy, Transition
from tests.chaos.fault_injector import Happening
from tests.chaos.judge import judge
from tests.chaos.plan import Fault
from tests.chaos.report import Outcome, result_line, tell

DUE = 1000.0


def outcome(arrives: float = DUE + 0.01, http_status: int = 200) -> Outcome:
    call = Call(Wish.SCHEDULE, 900.0, asked=DUE, ended=901.0, due=DUE, granted=True, answer="200")
    reports = ({"at": "1970-01-01T00:16:40.200Z", "report": {"status": "published"}, "answer": 200},)
    case = Case(
        "published",
        arrivals=[Arrival("post", 1, arrives, urn="urn:1", reports=reports)],
        copies=[Copy("post", arrives, "urn:1")],
        attempts=[Attempt(1, outcome="published", http_status=http_status)],
        transitions=[Transition(DUE, "scheduled", "publishing", "claimed", 1, 1)],
    )
    stories, cases = {"post": Story("post", "spread", "A text", [call])}, {"post": case}
    happenings = [Happening(Fault.APP, 950.0, 953.0)]
    return Outcome(1, DUE, DUE + 2, judge(stories, cases, 20.0), stories, cases, happenings, in_flight=["post"])


def test_a_clean_run_is_told_in_one_line() -> None:
    assert result_line(outcome()) == (
        "chaos seed=1 posts=1 arrivals=1 lost=0 twice=0 early=0 after-cancel=0 untold=0 cut=0 done-after=2.0s ok"
    )


def test_a_post_with_something_wrong_is_told_from_its_beginning() -> None:
    told = "\n".join(tell(outcome(arrives=DUE - 1)))
    assert "early=1" in told
    assert "NOT OK" in told
    assert "post: early: attempt 1 arrived 1.000000 s early" in told
    in_order = [
        "00:15:00.000  author  schedule for 00:16:40.000",
        "00:15:01.000  author  is told 200",
        "00:15:50.000  --- app: kill -9",
        "00:16:39.000  n8n     attempt 1 arrives; accept, urn:1",
        "00:16:39.000  network has urn:1",
        "00:16:40.000  row     scheduled -> publishing (claimed), generation 1, attempt 1",
        "00:16:40.200  n8n     reports: published, answered 200",
        "attempt 1: message, published, HTTP 200",
    ]
    places = [told.index(line) for line in in_order]
    assert places == sorted(places)


def test_a_send_that_sigterm_cut_off_spoils_the_run() -> None:
    cut = outcome(http_status=0)
    assert cut.cut == ["post"]
    assert cut.findings.clean
    assert not cut.good
