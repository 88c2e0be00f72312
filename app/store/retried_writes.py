"""Writes that are tried again: at once after a lost race, after a pause while the database is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from app.domain.errors import Conflict, Unavailable
from app.domain.ports import Clock

RACE_TRIES = 5
#: Pauses between tries while the database is away. After the last one the lease settles the attempt.
PAUSE_SECONDS = (0.2, 1.0, 3.0)
Written = TypeVar("Written")


def win_race(attempt: Callable[[], Written | None], cure: str) -> Written:
    """Call `attempt`, a compare-and-set, until it returns something else than None.

    Raises: Conflict with `cure`, a sentence for the caller, after RACE_TRIES lost races.
    """
    for _ in range(RACE_TRIES):
        written = attempt()
        if written is not None:
            return written
    raise Conflict("changed_meanwhile", cure)


def persist(clock: Clock, write: Callable[[], Written]) -> Written:
    """Call `write` again, after a pause, while the database is away.

    Raises: Unavailable when the database stays away.
    """
    for pause in PAUSE_SECONDS:
        try:
            return write()
        except Unavailable:
            clock.sleep_until(clock.now() + timedelta(seconds=pause))
    return write()
