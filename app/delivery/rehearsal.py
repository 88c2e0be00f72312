"""A claim of no post, made while the first delivery of a process waits for its instant.

The first use of the claim's statement takes 20 ms of processor to build its text. At the instant that would make the
first post of each process late, on serverless hosts the first of each quiet hour.
"""

from __future__ import annotations

import threading
from contextlib import suppress

from app.deps import Deps
from app.log import emit
from app.store.posts import transitions
from app.store.posts.claim_sql import Intent

NO_POST = Intent("00000000-0000-0000-0000-000000000000", 0, None, "message", sending=True)


class Rehearsal:
    """The one rehearsal of a process. Safe for many threads: at worst it is made twice."""

    def __init__(self) -> None:
        self._begun = False

    def begin(self, deps: Deps) -> None:
        """Rehearse in a thread of its own, the first time. Raises nothing.

        No request waits for it, even if the database hangs.
        """
        if not self._begun:
            self._begun = True
            with suppress(RuntimeError):  # the system has no thread left
                threading.Thread(target=rehearse, args=(deps,), name="rehearsal", daemon=True).start()


def rehearse(deps: Deps) -> None:
    """Claim no post, as the gate claims a group. Raises nothing."""
    now = deps.clock.now()
    try:
        with deps.db.transaction() as tx:
            transitions.claim(tx, [NO_POST], now=now, lease_until=now, skip_locked=True)
    except Exception as error:  # nothing depends on it
        emit("rehearsal.failed", error=type(error).__name__)
