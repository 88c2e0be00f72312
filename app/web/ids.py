"""Read ids from requests. A malformed id is answered like an unknown one."""

from __future__ import annotations

import re
from typing import Any

from app.domain.errors import NotFound
from app.domain.principal import is_user_id

REPLACEMENT = "\ufffd"  # decoders put it in place of malformed UTF-8
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


def uuid_or_none(text: str) -> str | None:
    """Return the canonical form of a UUID, or None if `text` is none.

    Python's own reader also takes braces, underscores and the digits of other scripts.
    """
    return text.lower() if _UUID.fullmatch(text) else None


def uuid_or_404(text: str) -> str:
    """Return the canonical form of a UUID.

    Raises: NotFound when `text` is none.
    """
    found = uuid_or_none(text)
    if found is None:
        raise NotFound("not_found", "No object has this id.")
    return found


def user_id_or_404(text: str) -> str:
    """Return a user id unchanged.

    A path with malformed UTF-8 has U+FFFD in place of it, so different paths would name one user.

    Raises: NotFound when no token could have this user id, or the path was malformed.
    """
    if not is_user_id(text) or REPLACEMENT in text:
        raise NotFound("not_found", "No user has this id.")
    return text


def number_or_404(text: str) -> int:
    """Return the number of a row.

    Raises: NotFound when `text` is none.
    """
    if not _NUMBER.fullmatch(text):
        raise NotFound("not_found", "No object has this id.")
    return int(text)


def with_text_ids(values: dict[str, Any]) -> dict[str, Any]:
    """Replace the UUIDs in `values` by their canonical text."""
    return {key: str(value) if key.endswith("_id") and value is not None else value for key, value in values.items()}
