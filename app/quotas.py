"""Quotas: how much one user, or one company, may keep. A quota of 0 is none.

Each check follows its write in the same transaction, so the count includes the new row, and a refusal undoes it. The
checks of a user's quotas need `lock_owner` before the write. Those of a company need its exclusive lock.

Personal keys and webhook endpoints get a function of the same form here, and a setting `quota_…`.

Invariant: two writes at once never exceed a quota together. Things kept from before a lower quota stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import Invalid, invalid_field
from app.settings.values import Settings
from app.store import quotas
from app.store.engine import Connection
from app.store.quotas import lock_owner

__all__ = [
    "PlaceCount",
    "count_places",
    "lock_owner",
    "require_account_quota",
    "require_client_quota",
    "require_company_quota",
    "require_draft_quota",
    "require_key_quota",
    "require_member_quota",
    "require_post_quota",
]

QUOTA_EXCEEDED = "quota_exceeded"


def require_post_quota(settings: Settings, tx: Connection, user_id: str) -> None:
    """Check the number of posts that are not final.

    Raises: Invalid.
    """
    most = settings.quota_posts
    if most and (actual := quotas.open_posts(tx, user_id, most + 1)) > most:
        raise _too_many_posts(most, actual)


def require_draft_quota(settings: Settings, tx: Connection, user_id: str) -> None:
    """Check the bytes of all drafts.

    Raises: Invalid.
    """
    most = settings.quota_draft_bytes
    if most and (actual := quotas.draft_bytes(tx, user_id)) > most:
        raise _too_many_bytes(most, actual)


@dataclass(slots=True)
class PlaceCount:
    """The user's posts and bytes of drafts, with those of a bulk call so far. A limit of 0 is none."""

    posts: int
    most_posts: int
    draft_bytes: int
    most_draft_bytes: int

    def take(self, draft_bytes: int) -> None:
        """Count one more post. `draft_bytes` are those of a draft, 0 for a scheduled post.

        Raises: Invalid above a quota, and counts nothing then.
        """
        if self.most_posts and self.posts + 1 > self.most_posts:
            raise _too_many_posts(self.most_posts, self.posts + 1)
        if draft_bytes and self.most_draft_bytes and self.draft_bytes + draft_bytes > self.most_draft_bytes:
            raise _too_many_bytes(self.most_draft_bytes, self.draft_bytes + draft_bytes)
        self.posts += 1
        self.draft_bytes += draft_bytes


def count_places(settings: Settings, tx: Connection, user_id: str) -> PlaceCount:
    """Count the user's posts and drafts before a bulk call adds to them. It needs `lock_owner` too."""
    most, most_bytes = settings.quota_posts, settings.quota_draft_bytes
    kept = quotas.open_posts(tx, user_id, most) if most else 0
    return PlaceCount(kept, most, quotas.draft_bytes(tx, user_id) if most_bytes else 0, most_bytes)


def require_account_quota(settings: Settings, tx: Connection, user_id: str) -> None:
    """Check the number of connected accounts.

    Raises: Invalid.
    """
    most = settings.quota_accounts
    if most and (actual := quotas.accounts(tx, user_id, most + 1)) > most:
        message = f"You may connect {most:,} social accounts. Disconnect one first."
        raise _exceeded("socialAccounts", message, most, actual)


def require_company_quota(settings: Settings, tx: Connection, user_id: str) -> None:
    """Check the number of companies that the user has created.

    Raises: Invalid.
    """
    most = settings.quota_companies
    if most and (actual := quotas.created_companies(tx, user_id, most + 1)) > most:
        raise _exceeded("companies", f"You may own {most:,} companies. Remove one first.", most, actual)


def require_member_quota(settings: Settings, tx: Connection, company_id: str) -> None:
    """Check the number of members of a company.

    Raises: Invalid.
    """
    most = settings.quota_members
    if most and (actual := quotas.members(tx, company_id, most + 1)) > most:
        raise _exceeded("members", f"A company may have {most:,} members. Remove one first.", most, actual)


def require_client_quota(settings: Settings, tx: Connection, company_id: str) -> None:
    """Check the number of clients of a company.

    Raises: Invalid.
    """
    most = settings.quota_clients
    if most and (actual := quotas.clients_of(tx, company_id, most + 1)) > most:
        raise _exceeded("clients", f"A company may have {most:,} clients. Remove one first.", most, actual)


def require_key_quota(settings: Settings, tx: Connection, user_id: str, now: datetime) -> None:
    """Check the number of idempotency keys kept for a user.

    Raises: Invalid.
    """
    most = settings.quota_idempotency
    if most and (actual := quotas.kept_keys(tx, user_id, now, most + 1)) > most:
        message = f"At most {most:,} Idempotency-Keys are kept. Each is free a day after its use."
        raise _exceeded("Idempotency-Key", message, most, actual)


def _too_many_posts(limit: int, actual: int) -> Invalid:
    cure = "Cancel drafts or failed posts, or wait until scheduled ones are published."
    return _exceeded("posts", f"You may keep {limit:,} unfinished posts. {cure}", limit, actual)


def _too_many_bytes(limit: int, actual: int) -> Invalid:
    message = f"Your drafts may have {limit:,} bytes together. Shorten, schedule or cancel some."
    return _exceeded("draftBytes", message, limit, actual)


def _exceeded(field: str, message: str, limit: int, actual: int) -> Invalid:
    return invalid_field(field, QUOTA_EXCEEDED, message, limit, actual)
