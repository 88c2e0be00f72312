"""Verify users' bearer tokens.

Algorithms: HS256 with a shared secret, or RS256 and ES256 with the identity provider's published keys (JWKS).
Invariant: the settings choose the accepted algorithms. A token's header cannot.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app.adapters.jwt_times import SIGNATURE_ONLY, time_problem, token_problem
from app.domain.ports import Clock
from app.domain.principal import MAX_USER_ID_LENGTH, Principal, is_user_id
from app.domain.verifiers import BadToken, KeysUnavailable
from app.settings.values import Settings

if TYPE_CHECKING:
    from app.adapters.jwks import JwksClient

CACHED_TOKENS = 1_000
LEEWAY_SECONDS = 10
DEFAULT_TTL_SECONDS = 12 * 3600
PUBLIC_KEY_ALGORITHMS = ["RS256", "ES256"]


class UserTokens:
    """A verifier of users' tokens, and an issuer if the shared secret is set."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._secret = settings.auth_jwt_secret
        self._jwks_url = settings.auth_jwks_url
        self._issuer = settings.auth_issuer
        self._audience = settings.auth_audience
        self._clock = clock
        self._lock = threading.Lock()
        self._jwks_client: JwksClient | None = None
        # Caches the signature check only: the claims about time are checked at each call. Tokens of published keys are
        # not cached, because the provider can withdraw a key.
        self._signed_by_secret = lru_cache(CACHED_TOKENS)(self._claims_by_secret)

    def verify(self, token: str | None) -> Principal:
        """Return the user of a valid token.

        Raises: BadToken when the token is missing or invalid, KeysUnavailable when no key can be had now.
        """
        problem = token_problem(token)
        if problem is not None:
            raise BadToken(problem)
        claims = self._signed_claims(str(token))
        problem = self._claims_problem(claims)
        if problem is not None:
            raise BadToken(problem)
        return Principal(user_id=claims["sub"], admin=claims.get("role") == "admin")

    def issue(self, user_id: str, admin: bool = False, ttl_seconds: float = DEFAULT_TTL_SECONDS) -> str:
        """Create a token, for the command line and tests.

        Raises: ValueError when the secret is not set or `user_id` is malformed.
        """
        import jwt

        if self._secret is None:
            raise ValueError("AUTH_JWT_SECRET is not set: tokens can be issued here with it, not with AUTH_JWKS_URL")
        if not is_user_id(user_id):
            raise ValueError(f"a user id is 1 to {MAX_USER_ID_LENGTH} printable characters")
        now = self._clock.now()
        claims: dict[str, Any] = {"sub": user_id, "iat": int(now.timestamp())}
        claims["exp"] = int((now + timedelta(seconds=ttl_seconds)).timestamp())
        extra = {"role": "admin" if admin else None, "iss": self._issuer, "aud": self._audience}
        claims |= {name: value for name, value in extra.items() if value is not None}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def _signed_claims(self, token: str) -> Mapping[str, Any]:
        if self._secret is not None:
            return self._signed_by_secret(token)
        import jwt

        options: Any = SIGNATURE_ONLY
        try:
            key = self._published_keys().key_for(token, PUBLIC_KEY_ALGORITHMS)
            return jwt.decode(token, key, algorithms=PUBLIC_KEY_ALGORITHMS, options=options)
        except KeysUnavailable:
            raise
        except jwt.PyJWKClientConnectionError as error:
            raise KeysUnavailable(f"AUTH_JWKS_URL: {error}") from None
        except Exception as error:
            raise _refusal(error) from None

    def _claims_by_secret(self, token: str) -> Mapping[str, Any]:
        import jwt  # 0.14 s of a cold start

        options: Any = SIGNATURE_ONLY
        try:
            return jwt.decode(token, str(self._secret), algorithms=["HS256"], options=options)
        except Exception as error:
            raise _refusal(error) from None

    def _published_keys(self) -> JwksClient:
        if self._jwks_url is None:
            raise KeysUnavailable("neither AUTH_JWT_SECRET nor AUTH_JWKS_URL is set")
        with self._lock:
            if self._jwks_client is None:
                from app.adapters.jwks import JwksClient

                self._jwks_client = JwksClient(self._jwks_url)
            return self._jwks_client

    def _claims_problem(self, claims: Mapping[str, Any]) -> str | None:
        if not is_user_id(claims.get("sub")):
            return f"sub is not a user id (1 to {MAX_USER_ID_LENGTH} printable characters)"
        if claims.get("exp") is None:
            return "the token has no exp"
        if self._issuer is not None and claims.get("iss") != self._issuer:
            return "iss is not AUTH_ISSUER"
        if self._audience is not None and not _names(claims.get("aud"), self._audience):
            return "aud does not name AUTH_AUDIENCE"
        return time_problem(claims, self._clock.now(), LEEWAY_SECONDS)


def _refusal(error: Exception) -> BadToken:
    """Convert any exception of PyJWT: an untrusted token can cause every kind."""
    return BadToken(str(error)[:200] or type(error).__name__)


def _names(claim: object, audience: str) -> bool:
    return claim == audience or (isinstance(claim, list) and audience in claim)
