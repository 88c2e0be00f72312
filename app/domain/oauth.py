"""Access that a platform's member has granted us: what came with it, how long it can last, and who gives it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.post import Account

REFRESHABLE = "linkedin"  # the platform whose tokens we can renew ourselves


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """Tokens as they came. Lifetimes are seconds; None where the server does not say."""

    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    refresh_expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """Whose access it is, by the platform's own id."""

    external_id: str
    name: str


class AuthorizationError(Exception):
    """The authorization server gave no access. `invalid_grant` is its last word on a code or refresh token, and
    `invalid_client` on our own id and secret; any other code (unreachable, rate_limited, broken_answer, refused) may
    be different the next time. The text is for operators and holds no secret."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Authorizer(Protocol):
    """LinkedIn's OAuth 2.0. Every call is bounded in time and raises AuthorizationError, and nothing else."""

    def authorization_url(self, state: str, verifier: str) -> str:
        """Where the member is sent to say yes or no. Calls nobody."""
        ...

    def exchange(self, code: str, verifier: str) -> Grant: ...

    def identify(self, access_token: str) -> Member: ...

    def refresh(self, refresh_token: str, seconds: float | None = None) -> Grant:
        """`seconds` bounds this call more tightly than usual."""
        ...


def usable_until(account: Account, can_refresh: bool) -> datetime | None:
    """Until when this account can be kept working without its owner; None where no end is known. LinkedIn's refresh
    tokens keep their own end however often they are used, and an access token never outlives it."""
    if account.expires_at is None:
        return None
    if not can_refresh or account.platform != REFRESHABLE or account.refresh_token is None:
        return account.expires_at
    if account.refresh_expires_at is None:
        return None
    return max(account.expires_at, account.refresh_expires_at)
