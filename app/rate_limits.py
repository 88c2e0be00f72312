"""Count calls against rate limits, for the web layer.

Invariant: the count of a call takes WAIT_SECONDS at most. Without an answer in time the call passes uncounted.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as CountTimeout
from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.errors import Unavailable
from app.log import emit
from app.store.operations import rate_limits
from app.store.operations.rate_limits import Window

__all__ = ["CallCounter", "Window"]

WAIT_SECONDS = 0.5
PAUSE = timedelta(seconds=5)  # after a failure calls pass uncounted, without a wait


class CallCounter:
    """Counts in a thread of its own: a driver waits for a hanging server without a limit.

    After a failure it pauses, so a hanging database holds few threads and connections.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._failed_at: datetime | None = None

    def count(self, key: str, length: timedelta, amount: int = 1) -> Window | None:
        """Count `amount` calls of this key. Return its window, or None where the database did not answer in time."""
        if self._is_paused():
            return None
        running: Future[Window] = Future()
        threading.Thread(target=self._run, args=(running, key, length, amount), name="rate-limit", daemon=True).start()
        try:
            return running.result(WAIT_SECONDS)
        except CountTimeout:
            self._pause("no answer in time")
        except Unavailable as error:
            self._pause(error.code)
        return None

    def read(self, key: str) -> Window | None:
        """Return the current window of a key without counting.

        Raises: Unavailable.
        """
        with self._deps.db.reading() as connection:
            return rate_limits.read(connection, key, self._deps.clock.now())

    def clear(self, key: str | None) -> None:
        """Forget the calls of a key, or all with None.

        Raises: Unavailable.
        """
        with self._deps.db.transaction() as tx:
            rate_limits.clear(tx, key)

    def _run(self, running: Future[Window], key: str, length: timedelta, amount: int) -> None:
        try:
            with self._deps.db.autocommit() as connection:
                running.set_result(rate_limits.hit(connection, key, amount, self._deps.clock.now(), length))
        except Exception as error:
            running.set_exception(error)

    def _is_paused(self) -> bool:
        """Return True within PAUSE of a failure. A clock that was put back ends the pause."""
        failed_at = self._failed_at
        return failed_at is not None and timedelta(0) <= self._deps.clock.now() - failed_at < PAUSE

    def _pause(self, reason: str) -> None:
        self._failed_at = self._deps.clock.now()
        emit("rate_limit.not_counted", reason=reason)
