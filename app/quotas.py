"""Quotas: how much one user, or one company, may keep. A quota of 0 is none.

Each check follows its write in the same transaction, so the count includes the new row, and a refusal undoes it. The
checks of a user's quotas need `lock_owner` before the write. Those of a company need its exclusive lock.

Webhook endpoints get a function of the same form here, and a setting `quota_…`.

Invariant: two writes at once never exceed a quota together. Things kept from before a lower quota stay.
"""

from __future__ import annotations

from datetime import datetime

from app.domain.errors import Invalid, invalid_field
from app.settings.values import Settings
from app.store import quotas
from app.store.engine import Connection
from app.store.quotas import lock_owner

__all__ = [
    "lock_owner",
    "require_account_quota",
    "require_api_key_quota",
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
        cure = "Cancel drafts or failed posts, or wait until scheduled ones are published."
        raise _exceeded("posts", f"You may keep {most:,} unfinished posts. {cure}", most, actual)


def require_draft_quota(settings: Settings, tx: Connection, user_id: str) -> None:
    """Check the bytes of all drafts.

    Raises: Invalid.
    """
    most = settings.quota_draft_bytes
    if most and (actual := quotas.draft_bytes(tx, user_id)) > most:
        message = f"Your drafts may have {most:,} bytes together. Shorten, schedule or cancel some."
        raise _exceeded("draftBytes", message, most, actual)


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


def require_api_key_quota(settings: Settings, tx: Connection, user_id: str) -> None:
    """Check the number of personal API keys.

    Raises: Invalid.
    """
    most = settings.quota_api_keys
    if most and (actual := quotas.personal_keys(tx, user_id, most + 1)) > most:
        raise _exceeded("keys", f"You may have {most:,} personal keys. Revoke one first.", most, actual)


def _exceeded(field: str, message: str, limit: int, actual: int) -> Invalid:
    return invalid_field(field, QUOTA_EXCEEDED, message, limit, actual)
