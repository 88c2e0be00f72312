"""Proofs of who calls: what the web layer asks of whoever checks tokens and signatures, and how they say no."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from app.domain.principal import Principal


class BadToken(Exception):
    """This token does not say who is asking: 401. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeysUnavailable(Exception):
    """No token can be judged right now, by no fault of the caller's: 503. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadSignature(Exception):
    """This did not come from the message service, or not for us, or not now. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UserVerifier(Protocol):
    def verify(self, token: str | None) -> Principal:
        """Who is asking. Raises BadToken or KeysUnavailable."""
        ...

    def issue(self, user_id: str, admin: bool = False, ttl_seconds: float = ...) -> str:
        """A token of our own. Raises ValueError when tokens are issued elsewhere."""
        ...


class DeliveryVerifier(Protocol):
    def verify(self, token: str | None, body: bytes, url: str, now: datetime) -> Literal[True]:
        """True, or BadSignature."""
        ...
