"""Companies, their members and clients, and the rights of each role."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_NAME = 120  # characters. Any folding of a name still fits into a PostgreSQL index row.


class Role(StrEnum):
    """A member's role. A CHECK in the database has the same list of values."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


class Right(StrEnum):
    """A right within a company.

    READ covers everything of the company. WRITE covers its posts, accounts and clients. GOVERN covers its name, its
    members and its removal.
    """

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
    """One row of `companies`, with the asking member's role and `joined_at`."""

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
    """One row of `clients`: a customer of a company."""

    id: str
    company_id: str
    name: str
    created_at: datetime
    updated_at: datetime


def roles_with(right: Right) -> list[Role]:
    """List the roles with this right."""
    return [role for role in Role if right in RIGHTS[role]]


def leaves_no_owner(current: Role | None, wanted: Role | None, owners: int) -> bool:
    """Return True if this change of role would leave the company without an owner.

    `current` and `wanted` are the member's roles before and after. None means not a member, so `wanted` None is a
    removal. `owners` is the number of owners before the change.
    """
    return current is Role.OWNER and wanted is not Role.OWNER and owners <= 1


def name_key(name: str) -> str:
    """Return a key that is equal for client names that people take for the same.

    Spaces of all widths are equal, and format characters such as joiners are left out.
    """
    categories = [(char, unicodedata.category(char)) for char in unicodedata.normalize("NFC", name)]
    return "".join(" " if kind == "Zs" else char for char, kind in categories if kind != "Cf").casefold()
