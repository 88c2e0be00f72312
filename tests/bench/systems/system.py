"""What every system can be asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.local.stop_signal import StopSign
from tests.bench.ledger import Post


@dataclass(frozen=True)
class Ground:
    """What a system stands on: a folder for its state and logs, a database of its own, and where it is to send."""

    folder: Path
    webhook: str
    stop: StopSign
    new_database: Callable[[str], str]  # from a name to a URL
    redis_url: str | None = None
    workers: int | None = None
    threads: int | None = None
    settings: dict[str, str] = field(default_factory=dict)


class System(Protocol):
    """Opened afresh for every run. Handles are whatever `unschedule` needs to find a post again."""

    name: str
    note: str  # how it is set up, in a few words
    works: frozenset[str]  # the works that mean anything for it
    pace: float  # seconds that one call to schedule takes at most when sixteen are made at a time

    def open(self) -> None: ...

    def new_keys(self, count: int) -> list[str]:
        """Posts that are written but not scheduled."""
        ...

    def schedule(self, posts: Sequence[Post], threads: int) -> float:
        """Returns the seconds it took."""
        ...

    def unschedule(self, posts: Sequence[Post], threads: int) -> float: ...

    def kill(self) -> None:
        """kill -9 of every process that dispatches."""
        ...

    def restart(self) -> None: ...

    def undecided(self, keys: Sequence[str]) -> set[str]:
        """Those of which it knows that it cannot know: they wait for a lease, and are neither lost nor done."""
        ...

    def close(self) -> None: ...
