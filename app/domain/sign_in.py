"""A person's way to the identity provider and back (OpenID Connect).

Invariant: a way back counts only in the browser that left, within ten minutes, with the state that left with it.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from app.domain.principal import Principal
from app.domain.sessions import read_signed, write_signed

COOKIE = "__Host-punctual-sign-in"
LABEL = "punctual console sign-in 1"
LIFETIME = timedelta(minutes=10)
RANDOM_BYTES = 32  # 43 characters, as RFC 7636, 4.1 recommends for a verifier
MAX_STATE, MAX_CODE = 128, 4096


@dataclass(frozen=True, slots=True, repr=False)
class Journey:
    """The random values of one sign-in. The state and the nonce come back, the verifier proves who left."""

    state: str
    nonce: str
    verifier: str
    expires_at: int  # in Unix seconds


def begin_journey(now: datetime) -> Journey:
    state, nonce, verifier = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3))
    return Journey(state, nonce, verifier, int((now + LIFETIME).timestamp()))


def write_journey(journey: Journey, key: bytes) -> str:
    """Return the signed values, as the cookie's value."""
    return write_signed([journey.state, journey.nonce, journey.verifier, journey.expires_at], key)


def read_journey(value: str, key: bytes, state: str, now: datetime) -> Journey | None:
    """Return the journey of a cookie. None if it has ended, or left with another state."""
    found = read_signed(value, key)
    if found is None:
        return None
    journey = Journey(*found)
    is_same = hmac.compare_digest(journey.state.encode(), state.encode("utf-8", "replace"))
    return journey if is_same and now.timestamp() < journey.expires_at else None


class SignIn(Protocol):
    """The identity provider of the console. Every call is bounded in time."""

    def address(self, journey: Journey) -> str:
        """Return the address of the provider's page.

        Raises: AuthorizationError when its discovery document cannot be had.
        """
        ...

    def user(self, journey: Journey, code: str, issuer: str | None) -> Principal:
        """Return the person of this code. `issuer` is the `iss` of the answer (RFC 9207), where the provider sends it.

        Raises: AuthorizationError.
        """
        ...
