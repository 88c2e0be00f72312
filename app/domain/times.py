"""Instants and zones: what an author wrote as a time, turned into one instant or refused with a reason (RFC 3339)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.domain.errors import invalid_field

GRACE_FOR_THE_PAST = timedelta(seconds=60)
_FORM = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?([Zz]|[+-]([01]\d|2[0-3]):?[0-5]\d)?", re.ASCII
)
_ZONE_NAME = re.compile(r"[A-Z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+){0,2}", re.ASCII)
_EXAMPLE = "2026-12-01T08:00:00Z, 2026-12-01T09:00:00+01:00, or 2026-12-01T09:00:00 with timeZone"


@dataclass(frozen=True, slots=True)
class Promise:
    """The instant chosen (aware UTC), the zone it was said in, and the wall clock there, offset included."""

    at: datetime
    time_zone: str | None
    local_time: str
    ambiguous: bool = False


def to_wire(instant: datetime | None) -> str | None:
    """UTC with milliseconds and Z, as the contract has it."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_promise(text: str, zone_name: str | None, fold: int, now: datetime, max_days: float) -> Promise:
    """The instant an author means by `text` in `zone_name`. Raises Invalid with a code of the contract."""
    written = _parse(text)
    zone = _zone(zone_name) if zone_name is not None else None
    if written.tzinfo is None and zone is None:
        raise invalid_field(
            "scheduledAt", "timezone_required", f"Say where the clock hangs: write {_EXAMPLE} (an IANA name)."
        )
    ambiguous = False
    if written.tzinfo is None and zone is not None:
        ambiguous = _check_wall_clock(written, zone, zone_name or "")
        written = written.replace(tzinfo=zone, fold=fold)
    at = _to_utc(written)
    at = _check_range(at, now, max_days)
    local = at.astimezone(zone if zone is not None else written.tzinfo)
    return Promise(at, zone_name, local.isoformat(timespec="milliseconds"), ambiguous)


def _parse(text: str) -> datetime:
    if _FORM.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper())
        except ValueError:
            pass  # the form is right, the date or hour does not exist; said below
    raise invalid_field("scheduledAt", "invalid_time", f"This is not a date and time that exists. Write {_EXAMPLE}.")


def _zone(name: str) -> ZoneInfo:
    try:
        if _ZONE_NAME.fullmatch(name) and name != "Factory":
            return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        pass  # zoneinfo raises all three for names that are no zone, such as a folder's
    raise invalid_field("timeZone", "unknown_time_zone", "Use an IANA time zone name, such as Europe/Berlin.")


def _to_utc(written: datetime) -> datetime:
    try:
        return written.astimezone(UTC)
    except (OverflowError, ValueError):
        raise invalid_field(
            "scheduledAt", "invalid_time", "This instant is outside the calendar. Choose another."
        ) from None


def _check_wall_clock(naive: datetime, zone: ZoneInfo, zone_name: str) -> bool:
    """True when the wall clock shows `naive` twice. Raises when it never does (PEP 495's test: no round trip)."""
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
    """The last second before the gap and the first after it, as wall clocks; found by halving a day around it."""
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
    if at < now - GRACE_FOR_THE_PAST:
        message = f"{to_wire(at)} has passed (it is {to_wire(now)}). Choose a time in the future."
        raise invalid_field("scheduledAt", "schedule_in_past", message)
    if at > now + timedelta(days=max_days):
        raise invalid_field("scheduledAt", "schedule_too_far", f"Choose a time within {max_days:g} days from now.")
    return max(at, now)
