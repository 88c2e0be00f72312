"""The authenticated user of a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

MAX_USER_ID_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Principal:
    """A user with a verified token. `admin` is True if the token has the admin's role.

    `key_id` and `scopes` are those of a personal key. Both are None for a JWT, which has all rights of its user.
    `expires_at` is the end of a JWT or of a session.
    """

    user_id: str
    admin: bool = False
    key_id: str | None = None
    scopes: frozenset[str] | None = None
    expires_at: datetime | None = field(default=None, compare=False)


def is_user_id(value: object) -> bool:
    """Return True if the value is printable, has no outer white space, and fits into its column."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_USER_ID_LENGTH
        and value.isprintable()
        and value == value.strip()
    )
