"""The difference between this host's clock and the database's.

Invariant: one round trip. SQLite is on this host and has no clock of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app.deps import Deps
from app.domain.alerts import MAX_CLOCK_SKEW
from app.store import clock


@dataclass(frozen=True, slots=True)
class Skew:
    """How far our clock is ahead of the database's, negative where it is behind, and the database's reading.

    `alerted` is True where an alert of an earlier difference stands.
    """

    ahead: timedelta
    database_now: datetime
    alerted: bool

    @property
    def is_too_large(self) -> bool:
        return abs(self.ahead) >= MAX_CLOCK_SKEW

    @property
    def seconds(self) -> float:
        return round(self.ahead.total_seconds(), 1)


def read_skew(deps: Deps) -> Skew | None:
    """Compare the two clocks. Return None where the database has no clock of its own.

    Raises: Unavailable.
    """
    if not deps.database_clock:
        return None
    with deps.db.reading() as connection:
        before = deps.clock.now()
        database_now, alerted = clock.read(connection)
        after = deps.clock.now()
    ahead = max(before - database_now, timedelta(0)) or min(after - database_now, timedelta(0))
    return Skew(ahead, database_now, alerted)


def check_clock(deps: Deps) -> tuple[Literal["OK", "FAIL"], str, str] | None:
    """Return the doctor's line on the clocks, None where there is only one.

    Raises: Unavailable.
    """
    skew = read_skew(deps)
    if skew is None:
        return None
    if not skew.is_too_large:
        return "OK", "clock", "agrees with the database's"
    side = "ahead of" if skew.ahead > timedelta(0) else "behind"
    text = f"is {abs(skew.seconds):g} s {side} the database's: let NTP set both. The sweep waits until then"
    return "FAIL", "clock", text
