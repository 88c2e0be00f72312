"""Companies, their members and clients, and the rights of each role."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MAX_NAME = 120  # characters. Any folding of a name still fits into a PostgreSQL index row.

INVITATION_LIFETIME = timedelta(days=7)  # where the inviter names no end
MAX_INVITATION_LIFETIME = timedelta(days=30)
MAX_PENDING_INVITATIONS = 500  # of one company


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


@dataclass(frozen=True, slots=True)
class Invitation:
    """One row of `invitations`. `user_id` is the only user who may accept, None for any holder of the token."""

    id: str
    company_id: str
    user_id: str | None
    email: str | None
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    accepted_by: str | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """The failed posts of a company held for one account, and the reason: `member_left` or `account_withdrawn`."""

    social_account_id: str
    code: str
    count: int


def may_grant(own: Role, granted: Role) -> bool:
    """Return True if a member with the role `own` may give another one the role `granted`."""
    return RIGHTS[granted] <= RIGHTS[own]


def is_page(platform: str, external_id: str) -> bool:
    """Return True for a page of an organization. Facebook publishes to pages alone."""
    return platform == "facebook" or external_id.startswith(("urn:li:organization", "urn:li:company"))


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
