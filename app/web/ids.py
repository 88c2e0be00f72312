"""Ids from the outside: what cannot be an id of ours names nothing."""

from __future__ import annotations

import uuid
from typing import Any

from app.domain.errors import NotFound
from app.domain.principal import is_user_id


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


def user_id_or_404(text: str) -> str:
    """Raises NotFound for what no token could name as its user."""
    if not is_user_id(text):
        raise NotFound("not_found", "There is nobody with this id.")
    return text


def with_text_ids(values: dict[str, Any]) -> dict[str, Any]:
    """The same values, with UUIDs in their canonical form."""
    return {key: str(value) if key.endswith("_id") and value is not None else value for key, value in values.items()}
