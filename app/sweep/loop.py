"""`flask sweep --every`: run after run on a fixed beat, for as long as nobody says stop.

Promise: no drift, no pile-up, and in poll mode no waiting for the beat where a post is due before it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from app.deps import Deps
from app.domain.errors import Unavailable
from app.store.posts import queries


def keep_beat(
    deps: Deps,
    every: float,
    stop: threading.Event,
    run: Callable[[], Any],
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Call `run` now and then every `every` seconds; a run that outlasts its beat skips beats. `run` must not raise."""
    if deps.messages is None:  # of many installations that start together, each gets a beat of its own
        stop.wait(deps.settings.poll_jitter_seconds * deps.random())
    start = monotonic()
    while not stop.is_set():
        run()
        left = every - (monotonic() - start) % every
        stop.wait(min(left, _until_due(deps)))


def _until_due(deps: Deps) -> float:
    """Seconds until the next post is ours to send, as far as is known now; whoever is scheduled later waits a beat."""
    if deps.messages is not None:
        return math.inf
    now = deps.clock.now()
    try:
        with deps.db.reading() as connection:
            due = queries.next_scheduled_at(connection, now)
    except Unavailable:
        return math.inf
    return (due - now).total_seconds() if due else math.inf
