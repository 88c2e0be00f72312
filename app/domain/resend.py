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
#: The error code of an attempt that the database may have forgotten, because it went back in time.
HELD_AFTER_RESTORE = "held_after_restore"


def may_be_out(attempt: Attempt) -> bool:
    """Return True if the attempt was sent and its result is not known yet."""
    return attempt.sent_at is not None and attempt.outcome in (None, Outcome.ACCEPTED, Outcome.UNKNOWN)


def unproven_since(attempts: Iterable[Attempt]) -> datetime | None:
    """Return the instant of the earliest send that may be out, None without one."""
    return min((a.sent_at for a in attempts if a.sent_at is not None and may_be_out(a)), default=None)


def needs_force(attempts: Iterable[Attempt]) -> bool:
    """Return True if only a person can decide about another send.

    The post was held after the database went back. The lost send may have had another text and another instant, so the
    platform's duplicate guard proves nothing.
    """
    return any(may_be_out(attempt) and attempt.error_code == HELD_AFTER_RESTORE for attempt in attempts)


def may_resend(policy: UnknownOutcomePolicy, platform: str, since: datetime | None, at: datetime) -> bool:
    """Return True if a send at `at` cannot make a second copy, or the policy accepts one.

    `since` is the earliest send that may be out. The platform's duplicate guard counts from there.
    """
    if since is None or policy == "retry":
        return True
    guard = LIMITS[platform].duplicate_guard
    return policy == "auto" and guard is not None and -MAX_CLOCK_ERROR <= at - since < guard
