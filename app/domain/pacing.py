"""The pace of an account's posts: the spacing between two of them, and the cap in any 24 hours.

A turn is an account's permission to send one post at one instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SPACED, CAPPED = "spaced", "daily_cap"  # the `error_code` of a moved post, until it is sent
#: A turn is taken shortly before its request leaves, and this delay varies. The margin between two turns keeps the
#: sends themselves at least the spacing apart.
MARGIN = timedelta(milliseconds=250)
WINDOW = timedelta(hours=24) + MARGIN  # of the daily cap


@dataclass(frozen=True, slots=True)
class Pace:
    """The least spacing between two turns, margin included, and the cap in any 24 hours.

    `spacing` is zero and `cap` is None where the setting is unset.
    """

    spacing: timedelta
    cap: int | None


def pace_of(spacing_seconds: float | None, cap: int | None) -> Pace | None:
    """Build the pace of these settings. Returns None where neither is set."""
    if spacing_seconds is None and cap is None:
        return None
    spacing = timedelta(0) if spacing_seconds is None else timedelta(seconds=spacing_seconds) + MARGIN
    return Pace(spacing, cap)


def next_turn(
    start: datetime, waiting: Sequence[datetime], sent: Sequence[datetime], pace: Pace
) -> tuple[datetime, str]:
    """Find the first instant from `start` on at which the account has a turn.

    `waiting` and `sent` are the account's other turns, future and past. Also returns the code of the last rule that
    moved the instant: SPACED or CAPPED.
    """
    at, code = start, SPACED
    taken = sorted([*sent, *waiting])
    for _ in range(len(taken) + 1):  # each round passes at least one of them
        for other in sorted(waiting):
            if abs(at - other) < pace.spacing:
                at, code = other + pace.spacing, SPACED
        under_cap = _first_under_cap(at, taken, pace.cap)
        if under_cap == at:
            break
        at, code = under_cap, CAPPED
    return at, code


def _first_under_cap(at: datetime, taken: Sequence[datetime], cap: int | None) -> datetime:
    """Return `at`, or the later instant at which fewer than `cap` turns are in the window before it."""
    within = [other for other in taken if at - WINDOW < other <= at]
    return at if cap is None or len(within) < cap else within[len(within) - cap] + WINDOW
