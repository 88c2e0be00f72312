"""Instants for agents: each in UTC and on the wall clock of a named zone.

Invariant: an instant is never shown without its zone. Punctual decides about times. Previews compute them here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.mcp.errors import Refused

_DURATION = re.compile(
    r"(?P<sign>-)?P(?=[\dT])((?P<weeks>\d{1,3})W)?((?P<days>\d{1,4})D)?"
    r"(T(?=\d)((?P<hours>\d{1,5})H)?((?P<minutes>\d{1,6})M)?((?P<seconds>\d{1,8})S)?)?",
    re.ASCII,
)


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of an IANA name.

    Raises: Refused.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise Refused("time_zone is not an IANA name. Write one such as Europe/Berlin.") from None


def to_wire(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(instant: datetime | str | None, zone_name: str) -> dict[str, str] | None:
    """Return the instant as `utc`, `local` and `timeZone`. None stays None."""
    if instant is None:
        return None
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    local = at.astimezone(ZoneInfo(zone_name))
    return {"utc": to_wire(at), "local": local.isoformat(timespec="milliseconds"), "timeZone": zone_name}


def sentence(instant: datetime | str, zone_name: str) -> str:
    """Return the instant for a sentence, with its local time, zone and UTC."""
    at = shown(instant, zone_name) or {}
    return f"{at['local']} ({at['timeZone']}), which is {at['utc']} in UTC"


def read_written(text: str, zone_name: str | None, fold: int) -> datetime:
    """Read a written time as Punctual does: with its offset, or on the clock of `zone_name`.

    Raises: Refused.
    """
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("scheduled_at is no date and time. Write it as 2026-12-01T09:00:00 with time_zone.") from None
    if written.tzinfo is not None:
        return written
    if zone_name is None:
        raise Refused("scheduled_at has no offset. Name time_zone too, such as Europe/Berlin.")
    return on_clock(written, zone_of(zone_name), fold)


def on_clock(written: datetime, zone: ZoneInfo, fold: int = 0) -> datetime:
    """Return the instant at which the zone's clock shows `written`.

    Raises: Refused for a time that the clocks skip, or one outside of the calendar.
    """
    try:
        at = written.replace(tzinfo=zone, fold=fold)
        if at.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != written:
            raise Refused(
                f"{written.isoformat()} does not exist in {zone.key}: the clocks skip it. Choose another time."
            )
    except OverflowError:
        raise Refused("scheduled_at is outside of the calendar. Nothing was done.") from None
    return at


def moved(at: datetime, by: str, zone_name: str) -> datetime:
    """Add an ISO 8601 duration. Days and weeks keep the time on the zone's clock, hours are exact.

    Raises: Refused for another form, for no change, or a result outside of the calendar.
    """
    match = _DURATION.fullmatch(by)
    parts = {name: int(text or 0) for name, text in match.groupdict().items() if name != "sign"} if match else {}
    if match is None or not any(parts.values()):
        raise Refused("by is no duration. Write PT2H, -PT30M, P1D or P1W.")
    sign, zone = -1 if match["sign"] else 1, zone_of(zone_name)
    days = timedelta(weeks=parts["weeks"], days=parts["days"]) * sign
    rest = timedelta(hours=parts["hours"], minutes=parts["minutes"], seconds=parts["seconds"]) * sign
    try:
        local = at.astimezone(zone)
        there = on_clock(local.replace(tzinfo=None, fold=0) + days, zone, local.fold) if days else local
        return there.astimezone(UTC) + rest
    except OverflowError:
        raise Refused("by leads outside of the calendar. Choose a shorter duration.") from None
