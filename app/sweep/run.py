"""One run of the sweep: its result, its time budget, and the pages it reads."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.fairness import in_fair_order
from app.domain.post import Post
from app.store.paging import After
from app.store.posts.backlog import Backlog, Found

ShouldStop = Callable[[], bool]


@dataclass(slots=True)
class Swept:
    """The result of one sweep. Of `total` overdue posts, `recovered` went out again. `held` ones wait for a person.

    `paused`: the operator has paused all sending, so no overdue post was sent.
    `clock_skew_seconds` is set where the sweep did nothing: our clock is so far ahead of the database's, or behind it.
    """

    recovered: int = 0
    total: int = 0
    expired: int = 0
    armed: int = 0
    held: int = 0
    pruned: int = 0
    failed: int = 0
    remaining: int = 0
    duration_ms: int = 0
    skipped: bool = False
    paused: bool = False
    clock_skew_seconds: float | None = None


@dataclass
class SweepRun:
    """A sweep in progress. An `exclusive` one is the holder of the sweep's lease, the others only share its work."""

    deps: Deps
    should_stop: ShouldStop
    started: datetime
    exclusive: bool = True
    holder: str = field(default_factory=lambda: uuid.uuid4().hex)
    swept: Swept = field(default_factory=Swept)
    message_service_down: bool = False

    @property
    def budget(self) -> timedelta:
        """SWEEP_BUDGET_SECONDS as a duration."""
        return timedelta(seconds=self.deps.settings.sweep_budget_seconds)

    @property
    def overdue_before(self) -> datetime:
        """Posts due before this are overdue. A message service gets SWEEP_GRACE_SECONDS to deliver first."""
        grace = 0.0 if self.deps.messages is None else self.deps.settings.sweep_grace_seconds
        return self.started - timedelta(seconds=grace)

    def in_time(self, part: float) -> bool:
        """Return True while this part of the budget is left and no stop was asked for."""
        return not self.should_stop() and self.deps.clock.now() < self.started + self.budget * part

    def pages(self, part: float, backlog: Backlog) -> Iterator[list[Post]]:
        """Yield batches in fair order until there are none, or this part of the budget is spent."""
        yield from fair_pages(self.deps, backlog, lambda: self.in_time(part))


def fair_pages(deps: Deps, backlog: Backlog, in_time: Callable[[], bool]) -> Iterator[list[Post]]:
    """Yield batches of a backlog until there are none, or `in_time` returns False.

    An owner's k-th post comes after the (k-1)-th of every other owner. The backlog is paged by its key and id, so a
    batch that makes no progress cannot hide the rest.
    """
    size, after = deps.settings.sweep_batch_size, None
    while in_time():
        with deps.db.reading() as connection:
            window = backlog.window(connection, after=after)
        if not window:
            return
        after = _last_key(window)
        ids = [found.id for found in in_fair_order(window, lambda found: found.owner)]
        for start in range(0, len(ids), size):
            if start and not in_time():
                return
            with deps.db.reading() as connection:
                batch = backlog.load(connection, ids[start : start + size])
            if batch:
                yield batch


def _last_key(window: list[Found]) -> After:
    return window[-1].at, window[-1].id
