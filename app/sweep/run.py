"""One run of the sweep: its result, its time budget, and the pages it reads."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.post import Post
from app.store.engine import Connection

Page = Callable[[Connection, int, tuple[datetime, str] | None], list[Post]]
ShouldStop = Callable[[], bool]


@dataclass(slots=True)
class Swept:
    """The result of one sweep. Of `total` overdue posts, `recovered` went out again. `held` ones wait for a person.

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

    def pages(self, part: float, find: Page, key: str) -> Iterator[list[Post]]:
        """Yield batches until there are none, or this part of the budget is spent.

        They are paged by `key` and id, so a batch that makes no progress cannot hide the rest.
        """
        after: tuple[datetime, str] | None = None
        while self.in_time(part):
            with self.deps.db.reading() as connection:
                batch = find(connection, self.deps.settings.sweep_batch_size, after)
            if not batch:
                return
            after = (getattr(batch[-1], key), batch[-1].id)
            yield batch
