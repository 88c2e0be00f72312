"""The operations of a bulk call and their results, and the arithmetic of moves.

Invariant: an operation is plain data, so that a job can store it and carry it out later.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.errors import FieldError, Invalid, Refusal, invalid_field
from app.domain.post import Post
from app.domain.times import ChosenTime, parse_chosen_time

MAX_ROWS = 1_000
MAX_DURATION = timedelta(days=3_650)
_DURATION = re.compile(
    r"(?P<sign>[+-])?P(?=.)((?P<weeks>\d{1,4})W)?((?P<days>\d{1,5})D)?"
    r"(T(?=.)((?P<hours>\d{1,6})H)?((?P<minutes>\d{1,7})M)?((?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)


class Op(StrEnum):
    """The kinds of rows."""

    CREATE = "create"
    SCHEDULE = "schedule"
    MOVE = "move"
    UNSCHEDULE = "unschedule"
    CANCEL = "cancel"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of a bulk call. `row` is its number: a line of the CSV, or a place in the JSON array, from 1.

    `at`, `time_zone` and `fold` are the time as written. `by` is a duration. `draft` has the fields of a new post.
    `slot`: the next free weekly time of the account, in place of a time.
    """

    row: int
    op: Op
    post_id: str | None = None
    at: str | None = None
    time_zone: str | None = None
    fold: int = 0
    force: bool = False
    by: str | None = None
    draft: dict[str, Any] | None = None
    slot: bool = False


def to_stored(operation: Operation) -> dict[str, Any]:
    """Return the operation as JSON values, without the empty ones."""
    return {name: value for name, value in asdict(operation).items() if value not in (None, 0, False)}


def from_stored(values: dict[str, Any]) -> Operation:
    return Operation(**{**values, "op": Op(values["op"])})


@dataclass(frozen=True, slots=True)
class RowResult:
    """The result of one row. A refused row has a code and a message.

    `post_status` and `scheduled_at` are those of the post after the row. Warnings are (code, message).
    """

    row: int
    done: bool
    post_id: str | None = None
    code: str | None = None
    message: str | None = None
    errors: Sequence[FieldError] = ()
    post_status: str | None = None
    scheduled_at: datetime | None = None
    warnings: Sequence[tuple[str, str]] = field(default=())


def refused(operation: Operation, refusal: Refusal) -> RowResult:
    """Return the result of a refused row."""
    return RowResult(
        operation.row, False, operation.post_id, refusal.code, refusal.detail, errors=tuple(refusal.errors)
    )


def spread(
    post_ids: Sequence[str], first: str, last: str, zone: str | None, now: datetime, max_days: float
) -> list[datetime]:
    """Return equally spaced instants for these posts, from the first to the last, in whole seconds.

    Raises: Invalid for a wrong time and for a last time before the first.
    """
    begin, end = _bound("from", first, zone, now, max_days), _bound("until", last, zone, now, max_days)
    if end < begin:
        raise invalid_field("until", "invalid_span", "The time in until is before the one in from. Exchange them.")
    steps = max(1, len(post_ids) - 1)
    return [begin + timedelta(seconds=(end - begin).total_seconds() * step // steps) for step in range(len(post_ids))]


def _bound(name: str, text: str, zone: str | None, now: datetime, max_days: float) -> datetime:
    try:
        return parse_chosen_time(text, zone, 0, now, max_days).at
    except Invalid as error:
        errors = [FieldError(name, one.code, one.message, one.limit, one.actual) for one in error.errors]
        raise Invalid(error.code, error.detail, errors) from None


def moved_time(post: Post, by: str, now: datetime, max_days: float) -> ChosenTime:
    """Return the time of a post moved by a duration.

    Weeks and days move the wall clock of the post's time zone. Hours, minutes and seconds are elapsed time.

    Raises: Invalid for a wrong duration, and where the new time does not exist or is out of bounds.
    """
    days, elapsed = parse_duration(by)
    at = post.scheduled_at
    assert at is not None  # the caller has checked the status
    if days and post.time_zone is not None:
        wall = at.astimezone(ZoneInfo(post.time_zone)).replace(tzinfo=None) + days
        at = parse_chosen_time(wall.isoformat(), post.time_zone, 0, now - MAX_DURATION, 3 * MAX_DURATION.days).at
    else:
        at += days
    return parse_chosen_time((at + elapsed).isoformat(), post.time_zone, 0, now, max_days)


def parse_duration(text: str) -> tuple[timedelta, timedelta]:
    """Read an ISO 8601 duration without months and years. Return its days, and its elapsed time.

    Raises: Invalid.
    """
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None:
        message = "This is no duration. Write PT2H, P1D, PT90M, or -PT30M to move back."
        raise invalid_field("by", "invalid_duration", message)
    numbers = {name: int(value or 0) for name, value in match.groupdict().items() if name != "sign"}
    sign = -1 if match["sign"] == "-" else 1
    days = timedelta(weeks=numbers["weeks"], days=numbers["days"])
    elapsed = timedelta(hours=numbers["hours"], minutes=numbers["minutes"], seconds=numbers["seconds"])
    if days + elapsed > MAX_DURATION:
        message = f"Move a post by at most {MAX_DURATION.days} days."
        raise invalid_field("by", "invalid_duration", message)
    return sign * days, sign * elapsed
