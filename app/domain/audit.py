"""The audit trail: the actions it records, and the origin of a change.

Invariant: an entry names the changed fields, never their values, so it holds no token and no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_USER_AGENT = 200  # characters kept


class Action(StrEnum):
    """A recorded action. Actions on API keys and webhook endpoints belong here once these exist."""

    COMPANY_CREATED = "company.created"
    COMPANY_RENAMED = "company.renamed"
    COMPANY_REMOVED = "company.removed"
    MEMBER_INVITED = "member.invited"
    INVITATION_ENDED = "invitation.ended"
    MEMBER_JOINED = "member.joined"
    MEMBER_CHANGED = "member.role_changed"
    MEMBER_REMOVED = "member.removed"
    MEMBER_LEFT = "member.left"
    CLIENT_CREATED = "client.created"
    CLIENT_RENAMED = "client.renamed"
    CLIENT_REMOVED = "client.removed"
    ACCOUNT_CONNECTED = "account.connected"
    ACCOUNT_RECONNECTED = "account.reconnected"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_REMOVED = "account.removed"
    ACCOUNT_WITHHELD = "account.withheld"
    ACCOUNT_WITHDRAWN = "account.withdrawn"
    FEED_CREATED = "feed.created"
    FEED_DELETED = "feed.deleted"


@dataclass(frozen=True, slots=True)
class Origin:
    """The place of a change: all None outside of a request."""

    client_address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of `audit_entries`. `company_id` is None for a change of a personal account."""

    id: int
    at: datetime
    company_id: str | None
    actor: str
    action: str
    target: str
    fields: list[str]
    client_address: str | None
    user_agent: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The filters of an audit trail. None means no restriction. `end` is excluded."""

    actor: str | None = None
    action: str | None = None
    start: datetime | None = None
    end: datetime | None = None


def printable(text: str | None, limit: int) -> str | None:
    """Return at most `limit` characters of a header, with `?` in place of unprintable ones. None for an empty text."""
    shown = "".join(char if char.isprintable() else "?" for char in (text or "")[:limit])
    return shown or None


def harmless_cell(text: str) -> str:
    """Return a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
