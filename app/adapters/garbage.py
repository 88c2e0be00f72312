"""Full garbage collections, put off to a moment without a due post.

Invariant: garbage stays bounded. Without such a moment Python collects by itself after MOST_YOUNG collections.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.5
#: Collections of the middle generation since the last full one. Python's own limit is 10.
ENOUGH_YOUNG, MOST_YOUNG = 20, 200


def collect_in_quiet(is_busy: Callable[[], bool]) -> None:
    """Start a thread of this process for its full collections, and let Python make them itself much later.

    A full collection stops all threads, for 20 to 130 ms where a thousand deliveries wait. Python makes one when enough
    objects were made, so mostly while many posts fall due. `is_busy` tells whether one is due, or soon will be.
    """
    gc.set_threshold(*gc.get_threshold()[:2], MOST_YOUNG)
    threading.Thread(target=_repeat, args=(is_busy,), name="garbage", daemon=True).start()


def _repeat(is_busy: Callable[[], bool]) -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        collect_if_quiet(is_busy)


def collect_if_quiet(is_busy: Callable[[], bool]) -> bool:
    """Make a full collection if it is worth one and no post is due. Return True if it was made."""
    if gc.get_count()[2] < ENOUGH_YOUNG or is_busy():
        return False
    gc.collect()
    return True
