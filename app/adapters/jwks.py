"""The identity provider's published keys, fetched rarely: neither unknown key ids nor an outage make it hammer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jwt
from jwt import PyJWK, PyJWKClient, PyJWKClientConnectionError, PyJWKClientError

from app.version import VERSION

TIMEOUT_SECONDS = 5.0
LIFESPAN_SECONDS = 600.0  # how long a key that was withdrawn may still be believed
PAUSE_SECONDS = 30.0  # between two fetches that an unknown key id asked for, and after a fetch that failed


class KeySet(PyJWKClient):
    """PyJWT's client, which fetches under a lock and pauses after success; here it pauses after failures, too."""

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        agent = {"User-Agent": f"Punctual/{VERSION}"}
        super().__init__(
            url, headers=agent, lifespan=LIFESPAN_SECONDS, timeout=timeout, cooldown_duration=PAUSE_SECONDS
        )
        self._retry_at = 0.0

    def key_for(self, token: str, algorithms: Sequence[str]) -> PyJWK:
        """The key this token names. PyJWKClientConnectionError means: cannot be known now."""
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in algorithms:
            raise PyJWKClientError("the token is signed by another algorithm")
        kid = header.get("kid")
        if not kid:
            raise PyJWKClientError("the token names no key")
        return self._cached(kid) or self.get_signing_key(kid)

    def fetch_data(self) -> Any:
        if time.monotonic() < self._retry_at:
            raise PyJWKClientConnectionError("the keys could not be fetched a moment ago")
        try:
            return super().fetch_data()
        except Exception as error:  # the network, a status, no JSON, no keys: all one to whoever waits
            self._retry_at = time.monotonic() + PAUSE_SECONDS
            raise PyJWKClientConnectionError(str(error)[:200] or type(error).__name__) from None

    def _cached(self, kid: str) -> PyJWK | None:
        """Known keys are found without the lock, which another request may hold for a whole fetch."""
        key_set = self.jwk_set_cache.get() if self.jwk_set_cache is not None else None
        keys = [key for key in key_set.keys if key.public_key_use in ("sig", None)] if key_set else []
        return self.match_kid(keys, kid)
