"""The event of each transition."""

import pytest

from app.domain.events import HELD, EventType, event_of
from app.domain.lifecycle import Status


@pytest.mark.parametrize("reason", sorted(HELD))
def test_post_that_may_be_out_is_told_as_unknown(reason: str):
    assert event_of(Status.PUBLISHING, Status.FAILED, reason) is EventType.OUTCOME_UNKNOWN
    assert event_of(Status.PUBLISHING, Status.FAILED, "rejected_by_platform") is EventType.FAILED


def test_retry_and_deferral_are_no_event():
    assert event_of(Status.PUBLISHING, Status.SCHEDULED, "retry") is None
    assert event_of(Status.SCHEDULED, Status.SCHEDULED, "spaced") is None
