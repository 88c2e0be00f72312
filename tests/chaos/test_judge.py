"""The chaos judge: each kind of error is counted, and a clean run counts none."""

from typing import Any

import pytest

from tests.chaos.authored_post import Action, AuthoredPost, Call
from tests.chaos.evidence import Arrival, Attempt, Case, Copy, Transition
from tests.chaos.judge import Findings, judge

DUE = 1000.0
LEASE = 20.0
POST = "post"


def schedule(due: float = DUE, began: float = 900.0, **more: Any) -> Call:
    return Call(Action.SCHEDULE, began, asked=due, ended=began + 0.1, due=due, granted=True, **more)


def cancel(ended: float, action: Action = Action.UNSCHEDULE, granted: bool = True) -> Call:
    return Call(action, ended - 0.1, ended=ended, granted=granted)


def arrival(attempt: int = 1, at: float = DUE, urn: str | None = None) -> Arrival:
    return Arrival(POST, attempt, at, urn=urn)


def claimed(attempt: int = 1, at: float = DUE) -> Transition:
    return Transition(at, "scheduled", "publishing", "claimed", attempt)


def left(reason: str, at: float, to: str = "scheduled", attempt: int = 1) -> Transition:
    return Transition(at, "publishing", to, reason, attempt)


def sent(**changes: Any) -> Case:
    """Build the case of a correctly published post."""
    usual: dict[str, Any] = {
        "status": "published",
        "arrivals": [arrival(urn="urn:1")],
        "copies": [Copy(POST, DUE, "urn:1")],
        "attempts": [Attempt(1, outcome="published")],
        "transitions": [claimed(), left("published", DUE + 0.1, to="published")],
    }
    return Case(**usual | changes)


def sent_again(first: str | None, reason: str, waited: float, **changes: Any) -> Case:
    """Build a case: attempt 1 ended as `first` after `waited` seconds, attempt 2 published."""
    usual: dict[str, Any] = {
        "arrivals": [arrival(), arrival(2, DUE + 60, "urn:1")],
        "attempts": [Attempt(1, outcome=first), Attempt(2, outcome="published")],
        "transitions": [claimed(), left(reason, DUE + waited), claimed(2, DUE + 60)],
    }
    return sent(**usual | changes)


def verdict(case: Case, *calls: Call) -> Findings:
    return judge({POST: AuthoredPost(POST, "", "", list(calls or [schedule()]))}, {POST: case}, LEASE)


def test_post_published_once_on_time_is_clean() -> None:
    found = verdict(sent())
    assert found == Findings()
    assert found.clean


@pytest.mark.parametrize("status", [None, "draft", "scheduled", "publishing", "failed", "cancelled"])
def test_scheduled_post_without_copy_is_lost(status: str | None) -> None:
    found = verdict(Case(status))
    assert found.lost.keys() == {POST}
    assert not found.clean


def test_published_status_without_copy_is_lost() -> None:
    assert verdict(sent(copies=[])).lost


@pytest.mark.parametrize("action", [Action.UNSCHEDULE, Action.CANCEL])
def test_cancelled_post_is_not_lost(action: Action) -> None:
    assert verdict(Case("draft"), schedule(), cancel(950.0, action)) == Findings()


def test_post_whose_cancellation_was_refused_can_be_lost() -> None:
    assert verdict(Case("draft"), schedule(), cancel(950.0, granted=False)).lost


def test_copy_unknown_to_the_database_is_untold_not_lost() -> None:
    found = verdict(sent(status="failed"))
    assert found.untold
    assert not found.lost
    assert found.clean


def test_two_copies_count_as_twice() -> None:
    assert verdict(sent(copies=[Copy(POST, DUE, "urn:1"), Copy(POST, DUE, "urn:2")])).twice == {POST: "2 copies"}


def test_attempt_arriving_twice_counts_as_twice() -> None:
    found = verdict(sent(arrivals=[arrival(urn="urn:1"), arrival(at=DUE + 1)]))
    assert found.twice == {POST: "attempt 1 arrived 2 times"}


def test_attempt_without_database_row_counts_as_twice() -> None:
    assert verdict(sent(attempts=[])).twice


def test_attempt_during_open_previous_attempt_counts_as_twice() -> None:
    case = sent_again(None, "", 0, transitions=[claimed(), claimed(2, DUE + 1)])
    assert verdict(case).twice == {POST: "attempt 2 was sent while attempt 1 was still open"}


def test_attempt_after_lease_end_is_allowed_and_counted() -> None:
    found = verdict(sent_again("unknown", "lease_over", LEASE))
    assert found.clean
    assert found.further_attempts == {"lease_over": 1}


def test_attempt_before_lease_end_counts_as_twice() -> None:
    assert verdict(sent_again("unknown", "lease_over", LEASE - 1)).twice


def test_attempt_after_refusal_is_allowed() -> None:
    found = verdict(sent_again("transient", "retry", 1))
    assert found.clean
    assert found.further_attempts == {"transient": 1}


def test_attempt_after_unsent_attempt_is_allowed() -> None:
    assert verdict(sent_again("not_sent", "retry", 1, arrivals=[arrival(2, DUE + 60, "urn:1")])).clean


@pytest.mark.parametrize(
    ("first", "arrivals"),
    [
        ("not_sent", [arrival(), arrival(2, DUE + 60, "urn:1")]),  # recorded as not sent, yet it arrived
        ("transient", [arrival(urn="urn:1"), arrival(2, DUE + 60)]),  # refused, yet it made a copy
        ("unknown", [arrival(), arrival(2, DUE + 60)]),  # unknown, and the lease was not awaited
        ("published", [arrival(), arrival(2, DUE + 60)]),
    ],
)
def test_attempt_after_possibly_published_attempt_counts_as_twice(first: str, arrivals: list[Arrival]) -> None:
    assert verdict(sent_again(first, "retry", 1, arrivals=arrivals)).twice


def test_arrival_before_the_instant_is_early() -> None:
    assert verdict(sent(arrivals=[arrival(at=DUE - 0.001)])).early
    assert not verdict(sent(arrivals=[arrival(at=DUE)])).early


def test_arrival_of_never_scheduled_post_is_early() -> None:
    found = judge({POST: AuthoredPost(POST, "", "")}, {POST: sent()}, LEASE)
    assert found.early


def test_arrival_before_the_rescheduled_instant_is_early() -> None:
    moved = schedule(DUE + 10, began=950.0)
    assert verdict(sent(), schedule(), moved).early
    assert not verdict(sent(arrivals=[arrival(at=DUE + 10, urn="urn:1")]), schedule(), moved).early


def test_arrival_during_unanswered_reschedule_may_use_either_instant() -> None:
    moving = Call(Action.SCHEDULE, DUE - 1, asked=DUE + 10, ended=DUE + 1, due=DUE + 10, granted=True)
    assert verdict(sent(), schedule(), moving).clean


def test_arrival_after_answered_cancellation_is_after_cancel() -> None:
    found = verdict(sent(), schedule(), cancel(DUE - 0.5))
    assert found.after_cancel.keys() == {POST}
    assert not found.clean


def test_arrival_during_unanswered_cancellation_is_clean() -> None:
    assert verdict(sent(), schedule(), cancel(DUE + 0.05)).clean


def test_arrival_after_cancel_and_reschedule_is_clean() -> None:
    assert verdict(sent(), schedule(), cancel(940.0), schedule(began=950.0)).clean


@pytest.mark.parametrize(
    ("asked", "due", "explained"),
    [
        (1000.5, 1000.5, True),
        (1000.5, 1000.6, False),  # the author's earlier call
        (1000.5, None, False),
        (999.0, 1000.3, True),  # it had passed, and became the present
        (999.0, 999.9995, True),  # in whole milliseconds, in the one in which the call began
        (999.0, 999.9, False),  # an earlier call's, as this one had not begun
        (999.0, 1020.0, False),  # an earlier call's, of an instant that is still to come
    ],
)
def test_due_instant_after_a_lost_answer_is_traced_to_its_call(
    asked: float, due: float | None, explained: bool
) -> None:
    assert Call(Action.SCHEDULE, 1000.0, asked=asked).explains(due, 1010.0) is explained
