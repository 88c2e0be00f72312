"""The ways a use case says no: a stable code and a sentence that says what to do. Web gives each a status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field; `limit` and `actual` where a bound was passed."""

    field: str
    code: str
    message: str
    limit: int | None = None
    actual: int | None = None


class Refusal(Exception):
    """Base of every refusal a caller may be shown."""

    def __init__(self, code: str, detail: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors or []


class NotFound(Refusal):
    """There is no such thing for this caller; another user's post is as absent as one that never was."""


class Forbidden(Refusal):
    """The caller may see the thing, and may not do this with it."""


class Conflict(Refusal):
    """Right request, wrong moment: the thing's state does not allow it."""


class Invalid(Refusal):
    """The request can never be right as it stands."""


class NotConfigured(Refusal):
    """A setting that this needs is missing; `code` is stable, the setting's name goes to the log."""


class Unavailable(Refusal):
    """The database did not answer; nothing is known to have changed, and the caller may come again."""

    def __init__(self, detail: str = "The database cannot be reached. Try again in a few seconds.") -> None:
        super().__init__("database_unavailable", detail)


def invalid_field(field: str, code: str, message: str, limit: int | None = None, actual: int | None = None) -> Invalid:
    """An Invalid about a single field, whose code is the refusal's own."""
    return Invalid(code, message, [FieldError(field, code, message, limit, actual)])
