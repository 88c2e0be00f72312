"""The weekly slots of an account's queue: times of day in a zone, and the instants that they mean.

Where clocks go forward, a time that the day skips moves forward by the length of the gap, as RFC 5545 (3.3.5) says and
as calendars do: the queue keeps its number of posts. Where clocks go back, a time that the day has twice is its first.

Invariant: instants come in order, each once, also where a moved slot meets another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.domain.errors import FieldError, Invalid, invalid_field
from app.domain.times import ChosenTime, read_zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_SLOTS = 7 * 24
MAX_PREVIEW = 100
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A time of day, to the second, on a day of the week. Monday is 0."""

    day: int
    at: time

    def __str__(self) -> str:
        return f"{DAYS[self.day]} {self.at.isoformat()}"


@dataclass(frozen=True, slots=True)
class Queue:
    """An account's slots, in order, and the zone of their clock. The zone is None where none were ever set."""

    time_zone: str | None
    slots: tuple[Slot, ...]

    def instants(self, after: datetime) -> Iterator[datetime]:
        """Yield the slots' instants later than `after`, without an end. Nothing without slots."""
        if self.time_zone is None or not self.slots:
            return
        zone, pending = read_zone(self.time_zone), set[datetime]()
        day = (after - 3 * _DAY).astimezone(UTC).date()  # offsets are within a day, and so are gaps
        while True:
            pending |= {_instant(day, slot.at, zone) for slot in self.slots if slot.day == day.weekday()}
            day += _DAY
            # Later days begin after this instant, in every zone.
            final = datetime.combine(day, time(), UTC) - _DAY
            yield from sorted(one for one in pending if after < one < final)
            pending = {one for one in pending if one >= final}

    def chosen(self, at: datetime) -> ChosenTime:
        """Return an instant of this queue as an author's time."""
        return chosen_in_zone(at, self.time_zone)


def read_slot(text: str) -> Slot:
    """Read a slot as `str` writes it."""
    day, at = text.split(" ")
    return Slot(DAYS.index(day), time.fromisoformat(at))


def queue_of(time_zone: str, slots: Iterable[Slot]) -> Queue:
    """Build a queue from an author's slots.

    Raises: Invalid for an unknown zone, and for a slot given twice.
    """
    read_zone(time_zone)
    given = list(slots)
    for number, slot in enumerate(given):
        if slot in given[:number]:
            message = f"{slot} is there twice. Send each time once."
            raise Invalid("repeated_time", message, [FieldError(f"times.{number}", "repeated_time", message)])
    return Queue(time_zone, tuple(sorted(given)))


def chosen_in_zone(at: datetime, time_zone: str | None) -> ChosenTime:
    """Return an instant as an author's time, shown in this zone."""
    local = at.astimezone(read_zone(time_zone) if time_zone is not None else UTC)
    return ChosenTime(at, time_zone, local.isoformat(timespec="milliseconds"))


def no_slots(account_id: str) -> Invalid:
    """Return the refusal of `slot: next` for an account without slots."""
    cure = f"Set them by PUT /api/social-accounts/{account_id}/slots, or send scheduledAt."
    return invalid_field("slot", "no_slots", f"The account of this post has no queue slots. {cure}")


def no_free_slot(max_days: float) -> Invalid:
    """Return the refusal of `slot: next` where every slot within the horizon is taken."""
    message = f"All slots of the next {max_days:g} days are taken. Add slots, or send scheduledAt."
    return invalid_field("slot", "no_free_slot", message)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant of a wall clock time. By PEP 495, fold 0 is the first of two, and moves a skipped time on."""
    return datetime.combine(day, at.replace(fold=0), zone).astimezone(UTC)
