"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass

MAX_USER_ID_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Principal:
    """A user whose token was verified; `admin` when the token says so."""

    user_id: str
    admin: bool = False


def is_user_id(value: object) -> bool:
    """Printable, not blank at either end, and short enough for a column."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_USER_ID_LENGTH
        and value.isprintable()
        and value == value.strip()
    )
