"""The interfaces that verify callers: users' tokens and QStash's signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.domain.principal import Principal


class BadToken(Exception):
    """The token does not identify a user: 401. `reason` is for the log.

    `is_forged` is False for a missing token, and for one that is signed by the right key and not valid now.
    """

    def __init__(self, reason: str, *, is_forged: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_forged = is_forged


class KeysUnavailable(Exception):
    """No token can be verified now, and the caller is not the cause: 503. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadSignature(Exception):
    """The signature is wrong, for another address, or out of date. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SignedDelivery:
    """A verified signature: its instant by the signer's clock, and its claim of the body's hash."""

    signed_at: datetime
    body_hash: object

    def covers(self, body: bytes) -> bool:
        """Return True if this raw body was signed."""
        if not isinstance(self.body_hash, str):
            return False
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=")
        return hmac.compare_digest(self.body_hash.rstrip("=").encode("utf-8", "replace"), digest)


class UserVerifier(Protocol):
    def verify(self, token: str | None) -> Principal:
        """Return the token's user.

        Raises: BadToken when the token is not valid. KeysUnavailable when the keys cannot be fetched.
        """
        ...

    def issue(self, user_id: str, admin: bool = False, ttl_seconds: float = ...) -> str:
        """Issue a token of our own.

        Raises: ValueError when tokens are issued elsewhere.
        """
        ...


class DeliveryVerifier(Protocol):
    def verify(self, token: str | None, url: str, now: datetime) -> SignedDelivery:
        """Verify the signature `token` for this `url`. It needs no body, so the body can stay unread until then.

        Raises: BadSignature when it does not verify.
        """
        ...
