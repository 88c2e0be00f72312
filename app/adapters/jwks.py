"""Own the identity provider's published keys (JWKS).

Invariant: unknown key ids and outages cause at most one fetch per PAUSE_SECONDS.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import jwt
from jwt import PyJWK, PyJWKClient, PyJWKClientConnectionError, PyJWKClientError, PyJWKSet
from jwt.jwk_set_cache import JWKSetCache

from app.adapters.jwks_fetch import fetch_key_set
from app.adapters.network_errors import describe_root_cause
from app.domain.turns import paused

TIMEOUT_SECONDS = 5.0
LIFESPAN_SECONDS = 600.0  # how long a withdrawn key can stay accepted
#: After a failed fetch, and between two fetches for unknown key ids. So short a pause may stand still with the machine.
PAUSE_SECONDS = 30.0


class _WallClockCache(JWKSetCache):
    """PyJWT's cache, with keys that expire by the wall clock too.

    The monotonic clock stands still while the machine is suspended. A withdrawn key would stay accepted.
    """

    _stored_at = 0.0

    def put(self, jwk_set: Any) -> None:
        super().put(jwk_set)
        self._stored_at = time.time()

    def is_expired(self) -> bool:
        return super().is_expired() or not 0 <= time.time() - self._stored_at <= self.lifespan


class JwksClient(PyJWKClient):
    """PyJWT's client with a bounded fetch, and a pause after failed ones. PyJWT pauses after successful ones."""

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        super().__init__(url, lifespan=LIFESPAN_SECONDS, timeout=timeout, cooldown_duration=PAUSE_SECONDS)
        self._cache = self.jwk_set_cache = _WallClockCache(LIFESPAN_SECONDS)
        self._retry_at = 0.0
        self._fetching = threading.Lock()

    def key_for(self, token: str, algorithms: Sequence[str]) -> PyJWK:
        """Return the key named in the token's header, or without a name the only key of the token's algorithm.

        Raises: PyJWKClientConnectionError when the keys cannot be fetched now, another PyJWKClientError when the token
        has another algorithm, an unknown key id, or none where several keys fit or no key does.
        """
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in algorithms:
            raise PyJWKClientError("the token is signed by another algorithm")
        kid = header.get("kid")
        key = self._cached(kid) if kid else None
        if key is not None:
            return key
        with paused():  # outside all locks here, or a thread that waits for one would hold the turn of its holder
            return self.get_signing_key(kid) if kid else self._only_key(str(header["alg"]))

    def fetch_data(self) -> Any:
        """Fetch the keys, unless a fetch failed in the last PAUSE_SECONDS.

        Raises: PyJWKClientConnectionError when the fetch fails or must wait.
        """
        if time.monotonic() < self._retry_at:
            raise PyJWKClientConnectionError("the keys could not be fetched a moment ago")
        try:
            key_set = fetch_key_set(self.uri, self.timeout)
            self._cache.put(key_set)
        except Exception as error:  # network, status, no JSON, no keys: the caller cannot verify in any of these cases
            self._retry_at = time.monotonic() + PAUSE_SECONDS
            raise PyJWKClientConnectionError(describe_root_cause(error)[:200]) from None
        self._last_successful_fetch = time.monotonic()  # PyJWT's pause counts from here
        return key_set

    def _only_key(self, algorithm: str) -> PyJWK:
        """Return the only key of this algorithm. PyJWT derives a key's algorithm from `kty` and `crv` without `alg`.

        Raises: PyJWKClientError.
        """
        keys = self._cached_keys()
        if keys is None:
            with self._fetching:  # one fetch for all that wait
                keys = _for_signatures(self.get_jwk_set())
        fitting = [key for key in keys if key.algorithm_name == algorithm]
        if len(fitting) != 1:
            raise PyJWKClientError(f"the token names no key, and {len(fitting)} keys fit")
        return fitting[0]

    def _cached(self, kid: str) -> PyJWK | None:
        """Find a known key without PyJWT's lock: another request holds it during a fetch."""
        return self.match_kid(self._cached_keys() or [], kid)

    def _cached_keys(self) -> list[PyJWK] | None:
        key_set = self._cache.get()
        return _for_signatures(key_set) if key_set is not None else None


def _for_signatures(key_set: PyJWKSet) -> list[PyJWK]:
    return [key for key in key_set.keys if key.public_key_use in ("sig", None)]
