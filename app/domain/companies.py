"""Companies: who belongs to them, as what, and what each role may. Rules only; the database keeps the facts."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_NAME = 120  # characters; a name's key stays under what a PostgreSQL index row may hold, however it folds


class Role(StrEnum):
    """The stored values; one CHECK in the database holds the same list."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Right(StrEnum):
    """READ everything of a company; WRITE its posts, accounts and clients; GOVERN its name, its members and its end."""

    READ = "read"
    WRITE = "write"
    GOVERN = "govern"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.EDITOR: frozenset({Right.READ, Right.WRITE}),
    Role.VIEWER: frozenset({Right.READ}),
}


@dataclass(frozen=True, slots=True)
class Company:
    """One row of `companies`, as the member sees it who asked: with their role, and since when they belong."""

    id: str
    name: str
    role: Role
    joined_at: datetime
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """One row of `memberships`."""

    company_id: str
    user_id: str
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Client:
    """One row of `clients`: whom a company publishes for."""

    id: str
    company_id: str
    name: str
    created_at: datetime
    updated_at: datetime


def roles_with(right: Right) -> list[Role]:
    return [role for role in Role if right in RIGHTS[role]]


def leaves_no_owner(current: Role | None, wanted: Role | None, owners: int) -> bool:
    """Whether a member who is `current` becoming `wanted` (None: leaving) would leave a company of `owners` without."""
    return current is Role.OWNER and wanted is not Role.OWNER and owners <= 1


def name_key(name: str) -> str:
    """What two names of clients share when people would take them for the same one."""
    return unicodedata.normalize("NFC", name).casefold()
