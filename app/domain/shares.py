"""The shares of processes in the one window of all.

Invariant: the shares held at one time are never more than a fixed window. A process keeps what it has in flight, and
another one gets it after that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.times import CLOCK_TOLERANCE
from app.domain.window import Window

LASTS = timedelta(seconds=10)  # without a renewal, for example after the process has died
TURN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Holder:
    """The share of one process, and its end.

    `wanted` counts its deliveries, `held` its part of the window, and `in_flight` its sends.
    """

    wanted: int
    held: int
    in_flight: int
    until: datetime

    def is_live(self, now: datetime) -> bool:
        """Return True before its end. An end too far ahead was written by a clock ahead of time."""
        return now < self.until <= now + LASTS + CLOCK_TOLERANCE


@dataclass(frozen=True, slots=True)
class Share:
    """The share of this process: so many sends of a window of that size, until an instant."""

    held: int
    of: int
    until: datetime

    def limit(self, window: Window, now: datetime) -> int:
        """Return the number of sends. A fixed share ends at its instant, a learned one follows its window."""
        if window.fixed is not None:
            return self.held if now < self.until else 0
        return max(1, window.limit * self.held // max(self.of, 1))


def fair_parts(size: int, holders: Mapping[str, Holder], now: datetime) -> dict[str, int]:
    """Divide the window between the processes by what they want.

    What is left is divided equally. The smallest wish is met first, so no process gets less than an equal part that it
    wants. Of equal wishes, one that holds least gets the rest. It changes every TURN, so a single place goes round.
    """
    wishes = {name: min(holder.wanted, size) for name, holder in holders.items()}
    parts: dict[str, int] = {}
    left = size
    for number, name in enumerate(
        sorted(holders, key=lambda name: (wishes[name], -holders[name].held, _draw(name, now)))
    ):
        parts[name] = min(wishes[name], left // (len(holders) - number))
        left -= parts[name]
    each, rest = divmod(left, max(len(parts), 1))
    return {name: part + each + (number < rest) for number, (name, part) in enumerate(parts.items())}


def _draw(name: str, now: datetime) -> bytes:
    """Return the same number in every process, another one in every TURN."""
    return hashlib.sha256(f"{name} {now.timestamp() // TURN.total_seconds()}".encode()).digest()


def possible_part(window: Window, fair: int, others: Mapping[str, Holder]) -> int:
    """Return how much of its fair part a process can have now. `others` are the live rows of the other processes.

    A part of a fixed window is at most what the others do not hold. One of a learned window is at least 1.
    """
    if window.fixed is None:
        return max(fair, 1)
    return max(min(fair, window.fixed - sum(holder.held for holder in others.values())), 0)


def merged_size(stored: float, base: float, learned: float) -> float:
    """Return the window of all after this process has learned since `base`. `stored` is what the others made of it.

    Growth adds up. Of two decreases the deeper one counts, because both answer the same overload.
    """
    if learned < base:
        return min(stored, learned)
    return stored if stored < base else stored + learned - base
