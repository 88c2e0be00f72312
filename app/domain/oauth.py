"""OAuth access to a member's account: the tokens, their lifetime, and the authorization server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.post import Account

REFRESHABLE = "linkedin"  # the only platform with tokens that we can refresh


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """Tokens from the server. Lifetimes are in seconds. None means that the server names none."""

    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    refresh_expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """The member who granted access, by the platform's own id."""

    external_id: str
    name: str


class AuthorizationError(Exception):
    """The authorization server gave no access.

    `invalid_grant` is final for a code or refresh token. `invalid_client` is final for our own id and secret. After
    any other code (unreachable, rate_limited, broken_answer, refused) a later try can succeed. The text is for
    operators and holds no secret.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Authorizer(Protocol):
    """LinkedIn's OAuth 2.0 server. Every call is bounded in time.

    Raises: AuthorizationError when a call fails, and no other exception.
    """

    def authorization_url(self, state: str, verifier: str) -> str:
        """Build the URL of the consent page. Makes no network call."""
        ...

    def exchange(self, code: str, verifier: str) -> Grant: ...

    def identify(self, access_token: str) -> Member: ...

    def revoke(self, token: str) -> None:
        """Revoke an access or refresh token that our client got."""
        ...

    def refresh(self, refresh_token: str, seconds: float | None = None) -> Grant:
        """Get new tokens. `seconds` sets a shorter timeout for this call."""
        ...


def usable_until(account: Account, can_refresh: bool) -> datetime | None:
    """Return the instant at which the account's access ends unless its owner reconnects it.

    None means that no end is known. Using a LinkedIn refresh token does not extend its life, and no access token
    outlives the refresh token.
    """
    if account.expires_at is None:
        return None
    if not can_refresh or account.platform != REFRESHABLE or not account.renewable:
        return account.expires_at
    if account.refresh_expires_at is None:
        return None
    return max(account.expires_at, account.refresh_expires_at)
