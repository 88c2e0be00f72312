"""Health for monitors: the state of the database, the migrations and the sweep, within a bounded time.

Invariant: an answer takes HEALTH_SECONDS at most, also while the database hangs. One check runs at a time, and any
number of callers costs CHECKS_PER_SECOND checks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as CheckTimeout
from dataclasses import dataclass
from typing import Literal

from app.deps import Deps
from app.domain.alerts import NO_SWEEP_AFTER
from app.domain.errors import Unavailable
from app.log import emit
from app.store import health
from app.store.operations import runs

HEALTH_SECONDS = 2.0
CHECKS_PER_SECOND = 20  # of each process. More callers get the last finding: a probe is never refused

DatabaseHealth = Literal["ok", "not_migrated", "read_only", "unreachable"]
SweepState = Literal["ok", "late", "never", "unknown"]


@dataclass(frozen=True, slots=True)
class Health:
    """The findings of one check. The last two are `unknown` while the database is unreachable."""

    database: DatabaseHealth
    migrations: Literal["ok", "pending", "unknown"]
    sweep: SweepState

    @property
    def is_ready(self) -> bool:
        return self.database == self.migrations == self.sweep == "ok"


UNREACHABLE = Health("unreachable", "unknown", "unknown")


class HealthCheck:
    """Checks in a thread of its own: a driver waits for a hanging server without a limit.

    Callers at the same time share one check, so a hanging database holds one thread and one connection.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._lock = threading.Lock()
        self._running: Future[Health] | None = None
        self._begun: deque[float] = deque(maxlen=CHECKS_PER_SECOND)  # monotonic seconds of the last checks

    def read(self) -> Health:
        """Return the state as known within HEALTH_SECONDS. Raises nothing."""
        with self._lock:
            if self._running is None or (self._running.done() and self._may_check()):
                self._begun.append(time.monotonic())
                self._running = Future()
                threading.Thread(target=self._run, args=(self._running,), name="health", daemon=True).start()
            running = self._running
        try:
            return running.result(HEALTH_SECONDS)
        except CheckTimeout:
            return UNREACHABLE

    def _may_check(self) -> bool:
        return len(self._begun) < CHECKS_PER_SECOND or time.monotonic() - self._begun[0] >= 1

    def _run(self, running: Future[Health]) -> None:
        try:
            running.set_result(_check(self._deps))
        except Unavailable:
            running.set_result(UNREACHABLE)
        except Exception:
            emit("health.check_failed", exc_info=True)
            running.set_result(UNREACHABLE)


def _check(deps: Deps) -> Health:
    found = health.read_state(deps.db)
    if found.state == "not_migrated":
        return Health("not_migrated", "pending", "unknown")
    return Health(found.state, "ok", _sweep_state(deps))


def _sweep_state(deps: Deps) -> SweepState:
    with deps.db.reading() as connection:
        figures = runs.read_figures(connection, runs.SWEEP)
    if figures is None:
        return "never"
    return "ok" if deps.clock.now() - figures.last_run_at <= NO_SWEEP_AFTER else "late"
