"""Another send after an unknown outcome: only where it cannot make a second copy."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.outcomes import Outcome
from app.domain.post import Attempt
from app.domain.resend import may_resend, unproven_since

NOW = datetime(2026, 12, 1, 8, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def attempt(number: int, sent_at: datetime | None, outcome: str | None) -> Attempt:
    return Attempt("post", number, 1, "message", NOW, sent_at, None, None, outcome, None, None, None, None, None)


@pytest.mark.parametrize("platform", ["linkedin", "facebook", "instagram"])
def test_post_without_an_unknown_send_may_always_be_sent(platform: str):
    for policy in ("auto", "hold", "retry"):
        assert may_resend(policy, platform, None, NOW)


@pytest.mark.parametrize(
    ("age", "allowed"),
    [
        (timedelta(0), True),
        (timedelta(minutes=9) - timedelta(microseconds=1), True),
        (timedelta(minutes=9), False),
        (timedelta(minutes=10), False),
        (timedelta(days=1), False),
        (-10 * SECOND, True),
        (-11 * SECOND, False),
        (-timedelta(hours=1), False),
    ],
)
def test_linkedin_may_be_sent_again_within_nine_minutes_of_a_believable_send(age: timedelta, allowed: bool):
    assert may_resend("auto", "linkedin", NOW - age, NOW) is allowed


@pytest.mark.parametrize("platform", ["facebook", "instagram"])
def test_other_platforms_are_never_sent_again_by_themselves(platform: str):
    assert not may_resend("auto", platform, NOW - SECOND, NOW)


@pytest.mark.parametrize("platform", ["linkedin", "facebook", "instagram"])
def test_operators_policy_decides_for_every_platform(platform: str):
    assert may_resend("retry", platform, NOW - timedelta(days=1), NOW)
    assert not may_resend("hold", platform, NOW - SECOND, NOW)


def test_earliest_send_that_may_be_out_counts():
    tries = [
        attempt(1, NOW, Outcome.TRANSIENT),
        attempt(2, NOW + 2 * SECOND, Outcome.UNKNOWN),
        attempt(3, NOW + 3 * SECOND, Outcome.ACCEPTED),
        attempt(4, None, None),
    ]
    assert unproven_since(tries) == NOW + 2 * SECOND
    assert unproven_since(tries[:1]) is None
    assert unproven_since([]) is None
