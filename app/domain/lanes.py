"""Several publishers side by side. A delivery goes to the one with the fewest sends in flight.

Invariant: a delivery enters the lane of a publisher whose breaker lets its owner pass, within the room of that lane.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from app.domain.breaker import Breaker
from app.domain.delivery import ReadyDelivery
from app.domain.in_flight import TOO_BUSY, InFlight
from app.domain.outcomes import Outcome

AVOIDED = timedelta(seconds=5)  # after a refusal, while another publisher is there: refusals are quick, so they attract
PROBE_PAUSE = timedelta(seconds=5)  # between two deliveries of this process that wait to be a probe


class Lanes:
    """The sends in flight to several publishers, with the interface of InFlight.

    One thread reserves and enters. All others may leave and try alone.
    """

    def __init__(self, lanes: Sequence[InFlight]) -> None:
        self.lanes = tuple(lanes)
        self.shared = lanes[0].shared
        self.wanted = _Wanted(self.lanes)
        self._reserved = [0] * len(lanes)
        self._beyond: int | None = None  # the lane with room beyond its window, until the next `enter`
        self._is_down = [False] * len(lanes)
        self._avoided_until: list[datetime | None] = [None] * len(lanes)
        self._probed_at: list[datetime | None] = [None] * len(lanes)

    def __len__(self) -> int:
        return sum(map(len, self.lanes))

    def see(self, circuits: Sequence[Breaker], threshold: int) -> None:
        """Note which publishers are down, even for owners without a failure, by the breakers as read."""
        self._is_down = [circuit.is_open_for("", threshold) for circuit in circuits]

    def may_probe(self, index: int, now: datetime) -> bool:
        """Return True if a delivery of this process may wait to be this publisher's probe."""
        last = self._probed_at[index]
        if last is not None and abs(now - last) < PROBE_PAUSE:
            return False
        self._probed_at[index] = now
        return True

    def reserve(self, most: int, now: datetime) -> int:
        """Reserve room for up to `most` deliveries in the usable lanes together, and return for how many."""
        for index in self._usable(range(len(self.lanes)), now):
            self._reserved[index] = self.lanes[index].reserve(most, now)
        return min(sum(self._reserved), most)

    def enter(self, group: Collection[ReadyDelivery], reserved: int = 0) -> list[ReadyDelivery]:
        """Count deliveries in, each in the allowed lane with the fewest sends, and give the rest of the room back.

        Returns the deliveries without a lane.
        """
        refused = [delivery for delivery in group if not self._enter(delivery)]
        for index, lane in enumerate(self.lanes):
            lane.enter((), reserved=self._reserved[index])
            self._reserved[index] = 0
        self._beyond = None
        return refused

    def kept_out(self, owners: Collection[str], now: datetime) -> tuple[int, set[str]]:
        """Return the room beyond a full window, and the owners who may use it, of the least loaded such lane."""
        for index in sorted(self._usable(range(len(self.lanes)), now), key=self._load):
            beyond, found = self.lanes[index].kept_out(owners, now)
            if beyond and found:
                self._beyond = index
                return beyond, found
        return 0, set()

    def try_enter_alone(self, delivery: ReadyDelivery, now: datetime, *, is_waiting: bool) -> bool:
        """Count a delivery without a group in, where an allowed lane has room. It waits in one lane at a time."""
        allowed = self._usable(delivery.allowed, now)
        free = [index for index in allowed if len(self.lanes[index]) < self.lanes[index].limit(now)]
        index = min(free or allowed, key=self._load)
        if is_waiting and index != delivery.publisher:
            self.lanes[delivery.publisher].stop_waiting(delivery)
            is_waiting = False
        self._assign(delivery, index)
        return self.lanes[index].try_enter_alone(delivery, now, is_waiting=is_waiting)

    def stop_waiting(self, delivery: ReadyDelivery) -> None:
        """Forget a delivery that waited alone."""
        self.lanes[delivery.publisher].stop_waiting(delivery)

    def leave(self, delivery: ReadyDelivery) -> None:
        """Count a delivery out: its claim was lost, or n8n has answered."""
        self.lanes[delivery.publisher].leave(delivery)

    def sent(self, delivery: ReadyDelivery) -> None:
        """Count a delivery out after its send. Learn from the answer, and avoid a publisher that refuses."""
        verdict, at = delivery.verdict, delivery.answered_at
        if verdict is not None and at is not None:
            refused = verdict.outcome is Outcome.NOT_SENT or (
                verdict.outcome is Outcome.TRANSIENT and verdict.http_status not in TOO_BUSY
            )
            self._avoided_until[delivery.publisher] = at + AVOIDED if refused else None
        self.lanes[delivery.publisher].sent(delivery)

    def note_shortage(self, is_short: bool, now: datetime) -> None:
        """Note whether due deliveries wait for room. The first lane keeps it for all."""
        self.lanes[0].note_shortage(is_short, now)

    def _enter(self, delivery: ReadyDelivery) -> bool:
        """Enter one delivery. Return False if no allowed lane has reserved room."""
        if self._beyond is not None:
            found = [self._beyond] if self._beyond in delivery.allowed else []
        else:
            found = [index for index in delivery.allowed if self._reserved[index]]
        if not found:
            return False
        index = min(found, key=self._load)
        self._assign(delivery, index)
        taken = min(self._reserved[index], 1)
        self.lanes[index].enter((delivery,), reserved=taken)
        self._reserved[index] -= taken
        return True

    def _assign(self, delivery: ReadyDelivery, index: int) -> None:
        delivery.publisher = index
        if delivery.circuits:  # a blocked delivery has none, because it is not sent
            delivery.circuit = delivery.circuits[index]

    def _load(self, index: int) -> int:
        return len(self.lanes[index]) - self._reserved[index]

    def _usable(self, among: Collection[int], now: datetime) -> list[int]:
        """Return those of the lanes that are neither down nor avoided, or all of them where none is left."""
        up = [index for index in among if not self._is_down[index]] or list(among)
        return [index for index in up if not self._is_avoided(index, now)] or up

    def _is_avoided(self, index: int, now: datetime) -> bool:
        until = self._avoided_until[index]
        return until is not None and now < until <= now + AVOIDED


class _Wanted:
    """Set where a share of each lane is needed."""

    def __init__(self, lanes: Sequence[InFlight]) -> None:
        self._lanes = lanes

    def set(self) -> None:
        for lane in self._lanes:
            lane.wanted.set()
