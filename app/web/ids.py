"""Read ids from requests. A malformed id is answered like an unknown one."""

from __future__ import annotations

import uuid
from typing import Any

from app.domain.errors import NotFound
from app.domain.principal import is_user_id


def uuid_or_none(text: str) -> str | None:
    """Return the canonical form of a UUID, or None if `text` is none."""
    try:
        return str(uuid.UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None


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

    Raises: NotFound when no token could have this user id.
    """
    if not is_user_id(text):
        raise NotFound("not_found", "No user has this id.")
    return text


def with_text_ids(values: dict[str, Any]) -> dict[str, Any]:
    """Replace the UUIDs in `values` by their canonical text."""
    return {key: str(value) if key.endswith("_id") and value is not None else value for key, value in values.items()}
