"""The judge of chaos: each of its numbers can be more than zero, and a clean run leaves all of them at zero."""

from typing import Any

import pytest

from tests.chaos.authored_post import Call, Story, Wish
from tests.chaos.evidence import Arrival, Attempt, Case, Copy, Transition
from tests.chaos.judge import Findings, judge

DUE = 1000.0
LEASE = 20.0
POST = "post"


def schedule(due: float = DUE, began: float = 900.0, **more: Any) -> Call:
    return Call(Wish.SCHEDULE, began, asked=due, ended=began + 0.1, due=due, granted=True, **more)


def call_off(ended: float, wish: Wish = Wish.UNSCHEDULE, granted: bool = True) -> Call:
    return Call(wish, ended - 0.1, ended=ended, granted=granted)


def arrival(attempt: int = 1, at: float = DUE, urn: str | None = None) -> Arrival:
    return Arrival(POST, attempt, at, urn=urn)


def claimed(attempt: int = 1, at: float = DUE) -> Transition:
    return Transition(at, "scheduled", "publishing", "claimed", attempt)


def left(reason: str, at: float, to: str = "scheduled", attempt: int = 1) -> Transition:
    return Transition(at, "publishing", to, reason, attempt)


def sent(**changes: Any) -> Case:
    """A post that went out as it should."""
    usual: dict[str, Any] = {
        "status": "published",
        "arrivals": [arrival(urn="urn:1")],
        "copies": [Copy(POST, DUE, "urn:1")],
        "attempts": [Attempt(1, outcome="published")],
        "transitions": [claimed(), left("published", DUE + 0.1, to="published")],
    }
    return Case(**usual | changes)


def sent_again(first: str | None, reason: str, waited: float, **changes: Any) -> Case:
    """Attempt 1 ended as `first`, for `reason`, after `waited` seconds; attempt 2 published."""
    usual: dict[str, Any] = {
        "arrivals": [arrival(), arrival(2, DUE + 60, "urn:1")],
        "attempts": [Attempt(1, outcome=first), Attempt(2, outcome="published")],
        "transitions": [claimed(), left(reason, DUE + waited), claimed(2, DUE + 60)],
    }
    return sent(**usual | changes)


def verdict(case: Case, *calls: Call) -> Findings:
    return judge({POST: Story(POST, "", "", list(calls or [schedule()]))}, {POST: case}, LEASE)


def test_a_post_that_went_out_once_and_on_time_is_clean() -> None:
    found = verdict(sent())
    assert found == Findings()
    assert found.clean


@pytest.mark.parametrize("status", [None, "draft", "scheduled", "publishing", "failed", "cancelled"])
def test_a_post_that_is_wanted_and_not_out_is_lost(status: str | None) -> None:
    found = verdict(Case(status))
    assert found.lost.keys() == {POST}
    assert not found.clean


def test_a_post_that_is_published_without_a_copy_is_lost() -> None:
    assert verdict(sent(copies=[])).lost


@pytest.mark.parametrize("wish", [Wish.UNSCHEDULE, Wish.CANCEL])
def test_a_post_that_was_called_off_is_not_lost(wish: Wish) -> None:
    assert verdict(Case("draft"), schedule(), call_off(950.0, wish)) == Findings()


def test_a_post_that_was_called_off_too_late_is_still_wanted() -> None:
    assert verdict(Case("draft"), schedule(), call_off(950.0, granted=False)).lost


def test_a_copy_that_the_database_does_not_know_of_is_untold_and_not_lost() -> None:
    found = verdict(sent(status="failed"))
    assert found.untold
    assert not found.lost
    assert found.clean


def test_two_copies_are_sent_twice() -> None:
    assert verdict(sent(copies=[Copy(POST, DUE, "urn:1"), Copy(POST, DUE, "urn:2")])).twice == {POST: "2 copies"}


def test_one_attempt_that_arrives_twice_is_sent_twice() -> None:
    found = verdict(sent(arrivals=[arrival(urn="urn:1"), arrival(at=DUE + 1)]))
    assert found.twice == {POST: "attempt 1 arrived 2 times"}


def test_an_attempt_that_the_database_has_forgotten_is_sent_twice() -> None:
    assert verdict(sent(attempts=[])).twice


def test_an_attempt_while_the_one_before_is_open_is_sent_twice() -> None:
    case = sent_again(None, "", 0, transitions=[claimed(), claimed(2, DUE + 1)])
    assert verdict(case).twice == {POST: "attempt 2 was sent while attempt 1 was still open"}


def test_an_attempt_after_a_lease_is_allowed_and_told() -> None:
    found = verdict(sent_again("unknown", "lease_over", LEASE))
    assert found.clean
    assert found.further_attempts == {"lease_over": 1}


def test_an_attempt_before_the_lease_was_over_is_sent_twice() -> None:
    assert verdict(sent_again("unknown", "lease_over", LEASE - 1)).twice


def test_an_attempt_after_a_refusal_is_allowed() -> None:
    found = verdict(sent_again("transient", "retry", 1))
    assert found.clean
    assert found.further_attempts == {"transient": 1}


def test_an_attempt_after_one_that_never_left_is_allowed() -> None:
    assert verdict(sent_again("not_sent", "retry", 1, arrivals=[arrival(2, DUE + 60, "urn:1")])).clean


@pytest.mark.parametrize(
    ("first", "arrivals"),
    [
        ("not_sent", [arrival(), arrival(2, DUE + 60, "urn:1")]),  # it did leave
        ("transient", [arrival(urn="urn:1"), arrival(2, DUE + 60)]),  # refused, yet out
        ("unknown", [arrival(), arrival(2, DUE + 60)]),  # nobody knows, and nobody waited
        ("published", [arrival(), arrival(2, DUE + 60)]),
    ],
)
def test_an_attempt_after_one_that_may_be_out_is_sent_twice(first: str, arrivals: list[Arrival]) -> None:
    assert verdict(sent_again(first, "retry", 1, arrivals=arrivals)).twice


def test_an_arrival_before_the_instant_is_early() -> None:
    assert verdict(sent(arrivals=[arrival(at=DUE - 0.001)])).early
    assert not verdict(sent(arrivals=[arrival(at=DUE)])).early


def test_an_arrival_of_a_post_that_was_never_scheduled_is_early() -> None:
    found = judge({POST: Story(POST, "", "")}, {POST: sent()}, LEASE)
    assert found.early


def test_an_arrival_before_the_new_instant_is_early() -> None:
    moved = schedule(DUE + 10, began=950.0)
    assert verdict(sent(), schedule(), moved).early
    assert not verdict(sent(arrivals=[arrival(at=DUE + 10, urn="urn:1")]), schedule(), moved).early


def test_while_a_move_is_under_way_either_instant_is_right() -> None:
    moving = Call(Wish.SCHEDULE, DUE - 1, asked=DUE + 10, ended=DUE + 1, due=DUE + 10, granted=True)
    assert verdict(sent(), schedule(), moving).clean


def test_an_arrival_after_the_answer_that_calls_it_off_is_sent_after_cancel() -> None:
    found = verdict(sent(), schedule(), call_off(DUE - 0.5))
    assert found.after_cancel.keys() == {POST}
    assert not found.clean


def test_an_arrival_while_calling_off_is_under_way_is_not() -> None:
    assert verdict(sent(), schedule(), call_off(DUE + 0.05)).clean


def test_a_post_that_is_on_again_may_arrive() -> None:
    assert verdict(sent(), schedule(), call_off(940.0), schedule(began=950.0)).clean
