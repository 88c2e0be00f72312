"""Which status may follow which."""

from itertools import product

import pytest

from app.domain.lifecycle import ALLOWED, EDITABLE, FINAL, SCHEDULABLE, Status

FOLLOWERS = {
    "draft": {"scheduled", "cancelled", "published"},
    "scheduled": {"scheduled", "draft", "publishing", "cancelled", "published"},
    "publishing": {"publishing", "published", "scheduled", "failed"},
    "failed": {"scheduled", "cancelled", "published"},
    "published": set(),
    "cancelled": set(),
}


def test_the_statuses_are_the_six_stored_values_in_the_order_of_a_life():
    assert [str(status) for status in Status] == [
        "draft",
        "scheduled",
        "publishing",
        "published",
        "failed",
        "cancelled",
    ]


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)), ids=lambda status: status.value)
def test_a_status_is_followed_only_by_those_the_lifecycle_allows(before: Status, after: Status):
    assert (after in ALLOWED[before]) is (after.value in FOLLOWERS[before.value])


def test_published_and_cancelled_are_final_and_nothing_else_is():
    assert set(FINAL) == {Status.PUBLISHED, Status.CANCELLED}
    assert {status for status, after in ALLOWED.items() if not after} == set(FINAL)


def test_late_truth_is_believed_in_every_status_that_is_not_final():
    assert {status for status in Status if Status.PUBLISHED in ALLOWED[status]} == set(Status) - set(FINAL)


def test_a_post_in_flight_can_be_neither_called_off_nor_cancelled():
    assert {Status.DRAFT, Status.CANCELLED}.isdisjoint(ALLOWED[Status.PUBLISHING])


def test_only_a_scheduled_post_can_be_claimed():
    claimable = {status for status in Status if Status.PUBLISHING in ALLOWED[status]} - {Status.PUBLISHING}
    assert claimable == {Status.SCHEDULED}


def test_what_is_not_in_flight_and_not_final_can_be_scheduled_and_edited():
    assert set(SCHEDULABLE) == {Status.DRAFT, Status.SCHEDULED, Status.FAILED}
    assert set(EDITABLE) == {Status.DRAFT, Status.SCHEDULED, Status.FAILED}
    assert all(Status.SCHEDULED in ALLOWED[status] for status in SCHEDULABLE)
