"""Rules for another send after an unknown outcome.

Invariant: no send where the platform would take a second copy, unless a person or the operator's policy asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.domain.outcomes import Outcome, UnknownOutcomePolicy
from app.domain.platforms import LIMITS
from app.domain.post import Attempt

MAX_CLOCK_ERROR = timedelta(seconds=10)  # a send further in the future was stamped by a wrong clock


def may_be_out(attempt: Attempt) -> bool:
    """Return True if the attempt was sent and its result is not known yet."""
    return attempt.sent_at is not None and attempt.outcome in (None, Outcome.ACCEPTED, Outcome.UNKNOWN)


def unproven_since(attempts: Iterable[Attempt]) -> datetime | None:
    """Return the instant of the earliest send that may be out, None without one."""
    return min((a.sent_at for a in attempts if a.sent_at is not None and may_be_out(a)), default=None)


def may_resend(policy: UnknownOutcomePolicy, platform: str, since: datetime | None, at: datetime) -> bool:
    """Return True if a send at `at` cannot make a second copy, or the policy accepts one.

    `since` is the earliest send that may be out. The platform's duplicate guard counts from there.
    """
    if since is None or policy == "retry":
        return True
    guard = LIMITS[platform].duplicate_guard
    return policy == "auto" and guard is not None and -MAX_CLOCK_ERROR <= at - since < guard
