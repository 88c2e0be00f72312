"""The interface of a compared system."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from app.local.stop_signal import StopSignal
from tests.bench.ledger import Post


@dataclass(frozen=True)
class SystemContext:
    """A system's environment: a folder for state and logs, its own database, and the webhook to call."""

    folder: Path
    webhook: str
    stop: StopSignal
    new_database: Callable[[str], str]  # creates a database of this name and returns its URL
    redis_url: str | None = None
    workers: int | None = None
    threads: int | None = None
    settings: dict[str, str] = field(default_factory=dict)


class System(Protocol):
    """A scheduler under test, opened afresh for every run."""

    name: str
    note: str  # its setup in a few words
    workloads: frozenset[str]  # the workloads that make sense for it
    pace: float  # upper bound in seconds of one schedule call, with sixteen calls at a time

    def open(self) -> None: ...

    def new_keys(self, count: int) -> list[str]:
        """Create `count` unscheduled posts and return their keys."""
        ...

    def schedule(self, posts: Sequence[Post], threads: int) -> float:
        """Schedule all posts and return the total seconds."""
        ...

    def unschedule(self, posts: Sequence[Post], threads: int) -> float: ...

    def schedule_new(self, count: int, due: float) -> float:
        """Create and schedule `count` posts in the system's quickest way, and return the total seconds."""
        ...

    def kill(self) -> None:
        """Kill every dispatching process with SIGKILL."""
        ...

    def restart(self) -> None: ...

    def undecided(self, keys: Sequence[str]) -> set[str]:
        """Return the keys in doubt: the outcome is unknown until a lease ends, so they are not lost."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class RoughSystem(Protocol):
    """A system whose message service can be made late."""

    def roughen(self, seconds: float, cold_seconds: float, cold_share: float) -> None:
        """Delay each delivery by up to `seconds`, and a share of them by `cold_seconds` more."""
        ...


@runtime_checkable
class Served(Protocol):
    """A system called over HTTP, whose server's processor time can be read."""

    def server_ms(self) -> float:
        """Return the milliseconds of processor used so far by the workers and their database's backends."""
        ...
