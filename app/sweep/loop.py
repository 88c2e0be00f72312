"""`flask sweep --every`: run after run at a fixed interval until it is stopped.

Invariant: no drift and no pile-up. In poll mode a run also starts at the instant of the next due post. A machine that
was suspended past the next start runs at once when it wakes.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from app.deps import Deps
from app.domain.errors import Unavailable
from app.store.posts import queries

SLICE_SECONDS = 1.0  # the longest time until the end of a suspension is noticed


def run_every(
    deps: Deps,
    every: float,
    stop: threading.Event,
    run: Callable[[], Any],
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Call `run` now and then every `every` seconds until `stop` is set. `run` must not raise.

    A run that lasts longer than the interval skips the starts that it missed.
    """
    if deps.messages is None:  # installations that start together spread their polls
        _wait(deps, deps.settings.poll_jitter_seconds * deps.random(), stop, monotonic)
    start = monotonic()
    while not stop.is_set():
        run()
        left = every - (monotonic() - start) % every
        _wait(deps, min(left, _seconds_until_due(deps)), stop, monotonic)


def _wait(deps: Deps, seconds: float, stop: threading.Event, monotonic: Callable[[], float]) -> None:
    """Wait until `stop` is set, or one of the two clocks has passed the end.

    The monotonic clock stands still during a suspension, and the wall clock can be set back.
    """
    end, wall_end = monotonic() + seconds, deps.clock.now() + timedelta(seconds=seconds)
    while not stop.is_set():
        left = min(end - monotonic(), (wall_end - deps.clock.now()).total_seconds())
        if left <= 0:
            return
        stop.wait(min(left, SLICE_SECONDS))


def _seconds_until_due(deps: Deps) -> float:
    """Return the seconds until the next post is due here, infinity where none is known.

    A post scheduled later than this read waits for the next interval.
    """
    if deps.messages is not None:
        return math.inf
    now = deps.clock.now()
    try:
        with deps.db.reading() as connection:
            due = queries.next_scheduled_at(connection, now)
    except Unavailable:
        return math.inf
    return (due - now).total_seconds() if due else math.inf
