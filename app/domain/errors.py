"""The errors of use cases. Each has a stable code and a sentence with the cure. The web layer adds the HTTP status.

Refusal
├── NotFound        404
├── Forbidden       403
├── Conflict        409
├── Invalid         422
├── NotConfigured   503
└── Unavailable     503
    ├── Locked
    ├── NotMigrated
    ├── Stopping
    └── TooBusy
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One problem of one field. `limit` and `actual` are set where a bound was exceeded."""

    field: str
    code: str
    message: str
    limit: int | None = None
    actual: int | None = None


class Refusal(Exception):
    """Base class of all errors shown to callers."""

    def __init__(self, code: str, detail: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors or []


class NotFound(Refusal):
    """The object does not exist for this caller. Another user's post gives the same answer as a missing one."""


class Forbidden(Refusal):
    """The caller may see the object but may not do this with it."""


class Conflict(Refusal):
    """The state of the object does not allow this request now."""


class Invalid(Refusal):
    """The request can never succeed unchanged."""


class NotConfigured(Refusal):
    """A required setting is missing. Its name goes to the log, not to the caller."""


class Unavailable(Refusal):
    """The database did not answer. No change is known to be made, and the caller may try again."""

    def __init__(self, detail: str = "The database cannot be reached. Try again in a few seconds.") -> None:
        super().__init__("database_unavailable", detail)


class Locked(Unavailable):
    """Another transaction holds one row. Other rows are not affected."""

    def __init__(self) -> None:
        super().__init__("Another change is being made here. Try again in a few seconds.")


class NotMigrated(Unavailable):
    """The database lacks a table or column. Its migrations are still to be run."""


class Stopping(Unavailable):
    """This process ends and lets go of a delivery that waits. Nothing was recorded, and another process takes it."""

    def __init__(self) -> None:
        super().__init__("This process is stopping. Send it again in a second.")
        self.code = "stopping"


class TooBusy(Unavailable):
    """Too many requests came at once. Nothing was done."""

    def __init__(self) -> None:
        super().__init__("Too many requests came at once. Send this one again in a few seconds.")
        self.code = "too_busy"


def invalid_field(field: str, code: str, message: str, limit: int | None = None, actual: int | None = None) -> Invalid:
    """Build an Invalid about one field, with the same code for both."""
    return Invalid(code, message, [FieldError(field, code, message, limit, actual)])
