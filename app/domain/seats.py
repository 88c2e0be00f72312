"""Seats for waiting deliveries, shared by owner.

Invariant: one seat for each generation of a post. An owner gets all free seats, and keeps its share of them when other
owners come.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

Place = tuple[str, int]  # a post's id and generation


@dataclass(eq=False, slots=True)
class Seat:
    """One taken seat. `leave` is called where the seat is given to another owner, and `withdrawn` is True then."""

    owner: str
    place: Place
    leave: Callable[[], None] | None = None
    withdrawn: bool = False


class Seats:
    """A number of seats. Safe for many threads."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._taken: dict[str, list[Seat]] = {}
        self._places: set[Place] = set()

    def take(self, owner: str, place: Place, leave: Callable[[], None] | None = None) -> Seat | None:
        """Take a seat. Return None where none is left for this owner, or where the place has one already.

        Without a free seat, the owner with the most seats gives one up, if it still has as many as this owner then.
        """
        victim = None
        with self._lock:
            if place in self._places:
                return None
            if len(self._places) >= self._count:
                victim = self._find_victim(owner)
                if victim is None:
                    return None
                self._remove(victim)
                victim.withdrawn = True
            seat = Seat(owner, place, leave)
            self._places.add(place)
            self._taken.setdefault(owner, []).append(seat)
        if victim is not None and victim.leave is not None:
            victim.leave()
        return seat

    def release(self, seat: Seat) -> None:
        """Give a seat back. A withdrawn one was given back already."""
        with self._lock:
            if not seat.withdrawn and seat in self._taken.get(seat.owner, ()):
                self._remove(seat)

    @property
    def free(self) -> int:
        """The number of free seats."""
        return self._count - len(self._places)

    def _find_victim(self, owner: str) -> Seat | None:
        """Return the latest seat of the owner with the most seats, None where all have their share."""
        most = max(self._taken.values(), key=len, default=[])
        return most[-1] if len(most) > len(self._taken.get(owner, ())) + 1 else None

    def _remove(self, seat: Seat) -> None:
        self._places.discard(seat.place)
        left = self._taken[seat.owner]
        left.remove(seat)
        if not left:
            del self._taken[seat.owner]
