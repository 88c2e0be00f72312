"""The allowed transitions between statuses."""

from itertools import product

import pytest

from app.domain.lifecycle import ALLOWED, EDITABLE, FINAL, SCHEDULABLE, Status

FOLLOWERS = {
    "draft": {"scheduled", "cancelled", "published"},
    "scheduled": {"scheduled", "draft", "publishing", "failed", "cancelled", "published"},
    "publishing": {"publishing", "published", "scheduled", "failed"},
    "failed": {"scheduled", "cancelled", "published"},
    "published": set(),
    "cancelled": set(),
}


def test_statuses_are_the_six_stored_values():
    assert [str(status) for status in Status] == [
        "draft",
        "scheduled",
        "publishing",
        "published",
        "failed",
        "cancelled",
    ]


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)), ids=lambda status: status.value)
def test_allowed_transitions_of_each_status(before: Status, after: Status):
    assert (after in ALLOWED[before]) is (after.value in FOLLOWERS[before.value])


def test_only_published_and_cancelled_are_final():
    assert set(FINAL) == {Status.PUBLISHED, Status.CANCELLED}
    assert {status for status, after in ALLOWED.items() if not after} == set(FINAL)


def test_published_may_follow_every_status_that_is_not_final():
    assert {status for status in Status if Status.PUBLISHED in ALLOWED[status]} == set(Status) - set(FINAL)


def test_publishing_post_cannot_be_unscheduled_or_cancelled():
    assert {Status.DRAFT, Status.CANCELLED}.isdisjoint(ALLOWED[Status.PUBLISHING])


def test_only_a_scheduled_post_can_be_claimed():
    claimable = {status for status in Status if Status.PUBLISHING in ALLOWED[status]} - {Status.PUBLISHING}
    assert claimable == {Status.SCHEDULED}


def test_draft_scheduled_and_failed_posts_can_be_scheduled_and_edited():
    assert set(SCHEDULABLE) == {Status.DRAFT, Status.SCHEDULED, Status.FAILED}
    assert set(EDITABLE) == {Status.DRAFT, Status.SCHEDULED, Status.FAILED}
    assert all(Status.SCHEDULED in ALLOWED[status] for status in SCHEDULABLE)
