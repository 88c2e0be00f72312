"""How close together an account's posts may go out: a least distance, and so many in any 24 hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SPACED, CAPPED = "spaced", "daily_cap"  # what a post that was moved says of itself, until it is sent
#: A turn is taken a little before its request leaves, one post's a little longer than the next one's: so much more is
#: kept between two turns, so that the sends themselves are not closer than they may be.
MARGIN = timedelta(milliseconds=250)
WINDOW = timedelta(hours=24) + MARGIN


@dataclass(frozen=True, slots=True)
class Pace:
    """`spacing` between two turns of an account, margin included; zero where none is set. `cap` in any 24 hours."""

    spacing: timedelta
    cap: int | None


def pace_of(spacing_seconds: float | None, cap: int | None) -> Pace | None:
    """The pace of these settings; None where neither is set."""
    if spacing_seconds is None and cap is None:
        return None
    spacing = timedelta(0) if spacing_seconds is None else timedelta(seconds=spacing_seconds) + MARGIN
    return Pace(spacing, cap)


def next_turn(
    start: datetime, waiting: Sequence[datetime], sent: Sequence[datetime], pace: Pace
) -> tuple[datetime, str]:
    """The first instant from `start` on that keeps the pace with those who wait for theirs and those who had it, and
    the code of what put it off last."""
    at, code = start, SPACED
    taken = sorted([*sent, *waiting])
    for _ in range(len(taken) + 1):  # each round passes one of them at least
        for other in sorted(waiting):
            if abs(at - other) < pace.spacing:
                at, code = other + pace.spacing, SPACED
        room = _with_room(at, taken, pace.cap)
        if room == at:
            break
        at, code = room, CAPPED
    return at, code


def _with_room(at: datetime, taken: Sequence[datetime], cap: int | None) -> datetime:
    """`at`, or when enough of those in the 24 hours before it have left them."""
    within = [other for other in taken if at - WINDOW < other <= at]
    return at if cap is None or len(within) < cap else within[len(within) - cap] + WINDOW
