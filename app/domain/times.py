"""Instants and time zones: read a written time (RFC 3339) as one instant, or refuse it with a reason.

Invariant: every field and every query reads instants here. A read instant lies between FIRST and LAST, so every
database and every zone can show it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from app.domain.errors import invalid_field

PAST_TOLERANCE = timedelta(seconds=60)
#: A stored end later than the code can write now, plus this, comes from a clock that was ahead.
CLOCK_TOLERANCE = timedelta(minutes=1)
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(2999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_FORM = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[Tt ](?P<hour>\d\d):(?P<minute>\d\d)"
    r"(:(?P<second>\d\d)(\.(?P<fraction>\d+))?)?"
    r"(?P<offset>[Zz]|(?P<sign>[+-])(?P<hours>\d\d)(:?(?P<minutes>\d\d))?)?",
    re.ASCII,
)
_EXCESS_DIGITS = re.compile(r"(\.\d{6})\d+", re.ASCII)
_ZONE_NAME = re.compile(r"[A-Z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+){0,2}", re.ASCII)
_EXAMPLE = "2026-12-01T08:00:00Z, 2026-12-01T09:00:00+01:00, or 2026-12-01T09:00:00 with timeZone"
_INSTANT_EXAMPLE = "2026-12-01T08:00:00Z or 2026-12-01T09:00:00+01:00 (in a query, + is %2B)"


@dataclass(frozen=True, slots=True)
class ChosenTime:
    """The author's time: the instant `at` (aware UTC), the zone, and the wall clock there with its offset.

    `ambiguous` is True if the wall clock shows this time twice, because the clocks go back.
    """

    at: datetime
    time_zone: str | None
    local_time: str
    ambiguous: bool = False


def to_wire(instant: datetime | None) -> str | None:
    """Format an instant as the API does: UTC with milliseconds and Z. None stays None."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant(text: str, field: str) -> datetime:
    """Read `text` as an instant with an offset. `field` is the name for the error.

    Raises: Invalid for a wrong form, a time that does not exist, no offset, or an instant outside FIRST and LAST.
    """
    written = _parse(text, field, _INSTANT_EXAMPLE)
    if written.tzinfo is None:
        raise invalid_field(field, "timezone_required", f"Add the offset. Write {_INSTANT_EXAMPLE}.")
    at = _to_utc(written, field)
    if not FIRST <= at <= LAST:
        bounds = f"{to_wire(FIRST)} to {to_wire(LAST)}"
        raise invalid_field(field, "time_out_of_range", f"This instant is out of range. Choose one from {bounds}.")
    return at


def cut_fraction(text: str) -> str:
    """Cut the fraction of a second to microseconds, the precision of the databases."""
    return _EXCESS_DIGITS.sub(r"\1", text)


def parse_chosen_time(text: str, zone_name: str | None, fold: int, now: datetime, max_days: float) -> ChosenTime:
    """Read `text` as a time in `zone_name`.

    `zone_name` is needed only where `text` has no offset. `fold` selects the first (0) or second (1) of two equal wall
    clock times. `max_days` bounds the distance from `now`. A time at most a minute in the past becomes `now`.

    Raises: Invalid when the time does not exist, has no zone, or is out of bounds. Its code is one of the API's.
    """
    written = _parse(text, "scheduledAt", _EXAMPLE)
    zone = _zone(zone_name) if zone_name is not None else None
    if written.tzinfo is None and zone is None:
        raise invalid_field("scheduledAt", "timezone_required", f"Name the time zone. Write {_EXAMPLE} (an IANA name).")
    ambiguous = False
    if written.tzinfo is None and zone is not None:
        ambiguous = _check_wall_clock(written, zone, zone_name or "")
        written = written.replace(tzinfo=zone, fold=fold)
    at = _to_utc(written)
    at = _check_range(at, now, max_days)
    local = at.astimezone(zone if zone is not None else written.tzinfo)
    return ChosenTime(at, zone_name, local.isoformat(timespec="milliseconds"), ambiguous)


def present_time(now: datetime) -> ChosenTime:
    """Return the present instant as an author's time, shown in UTC."""
    return ChosenTime(now, None, now.astimezone(UTC).isoformat(timespec="milliseconds"))


def _parse(text: str, field: str, example: str) -> datetime:
    """Read date, time and offset, if any.

    Raises: Invalid for a wrong form, and with another message for a date or time out of the calendar or the clock.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise invalid_field(field, "invalid_time", f"This is not written as a date and time. Write {example}.")
    parts = match.groupdict(default="0")
    micros = int(parts["fraction"][:6].ljust(6, "0"))
    names = ("year", "month", "day", "hour", "minute", "second")
    year, month, day, hour, minute, second = (int(parts[name]) for name in names)
    try:
        return datetime(year, month, day, hour, minute, second, micros, tzinfo=_offset(match))
    except ValueError:
        message = f"This date and time does not exist in the calendar or on a clock. Write {example}."
        raise invalid_field(field, "invalid_time", message) from None


def _offset(match: re.Match[str]) -> timezone | None:
    """Return the written offset, None without one.

    Raises: ValueError for 24 hours or 60 minutes, as RFC 3339 allows neither.
    """
    if match["offset"] is None:
        return None
    hours, minutes = int(match["hours"] or 0), int(match["minutes"] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if match["sign"] == "-" else size)


def _zone(name: str) -> ZoneInfo:
    try:
        if _ZONE_NAME.fullmatch(name) and name != "Factory":
            return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        pass  # zoneinfo raises all three for names that are no zone, such as the name of a folder
    raise invalid_field("timeZone", "unknown_time_zone", "Use an IANA time zone name, such as Europe/Berlin.")


def _to_utc(written: datetime, field: str = "scheduledAt") -> datetime:
    try:
        return written.astimezone(UTC)
    except (OverflowError, ValueError):
        message = "This instant is outside the calendar. Choose another."
        raise invalid_field(field, "invalid_time", message) from None


def _check_wall_clock(naive: datetime, zone: ZoneInfo, zone_name: str) -> bool:
    """Return True if the wall clock shows `naive` twice.

    Raises: Invalid when it never shows it. The test is that of PEP 495: such a time does not survive a round trip.
    """
    first, second = (_to_utc(naive.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first == second:
        return False
    if first.astimezone(zone).replace(tzinfo=None) == naive:
        return True
    before, after = _gap_edges(naive, zone)
    raise invalid_field(
        "scheduledAt",
        "nonexistent_local_time",
        f"The clocks in {zone_name} skip {naive.isoformat()}: they go from {before} to {after}. Choose a time before "
        f"or after the gap.",
    )


def _gap_edges(naive: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """Return the last second before the gap and the first after it, as wall clock times.

    A binary search over one day before and after `naive` finds them.
    """
    middle = naive.replace(tzinfo=UTC)
    low, high = middle - timedelta(days=1), middle + timedelta(days=1)
    offset_before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        half = low + (high - low) // 2
        half = half.replace(microsecond=0)
        if half <= low:
            break
        if half.astimezone(zone).utcoffset() == offset_before:
            low = half
        else:
            high = half
    high = high.replace(microsecond=0)
    last = (high - timedelta(seconds=1)).astimezone(zone)
    return last.isoformat(timespec="seconds"), high.astimezone(zone).isoformat(timespec="seconds")


def _check_range(at: datetime, now: datetime, max_days: float) -> datetime:
    if at < now - PAST_TOLERANCE:
        message = f"{to_wire(at)} has passed (it is {to_wire(now)}). Choose a time in the future."
        raise invalid_field("scheduledAt", "schedule_in_past", message)
    if at > now + timedelta(days=max_days):
        raise invalid_field("scheduledAt", "schedule_too_far", f"Choose a time within {max_days:g} days from now.")
    return max(at, now)
