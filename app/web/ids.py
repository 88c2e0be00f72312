"""Ids from the outside: what is no UUID names nothing."""

from __future__ import annotations

import uuid

from app.domain.errors import NotFound


def uuid_or_none(text: str) -> str | None:
    """The canonical form, or None."""
    try:
        return str(uuid.UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None


def uuid_or_404(text: str) -> str:
    """The canonical form. Raises NotFound."""
    found = uuid_or_none(text)
    if found is None:
        raise NotFound("not_found", "There is nothing with this id.")
    return found
