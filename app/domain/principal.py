"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """A user whose token was verified; `admin` when the token says so."""

    user_id: str
    admin: bool = False
