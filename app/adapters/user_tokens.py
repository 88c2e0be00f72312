"""Verify users' bearer tokens.

Algorithms: HS256 with a shared secret or its former value, or RS256 and ES256 with the identity provider's published
keys (JWKS).
Invariant: the settings choose the accepted algorithms. A token's header cannot.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app.adapters.jwt_times import SIGNATURE_ONLY, lifetime_problem, time_problem, token_problem
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
#: The types of access tokens: RFC 7519, 5.1 and RFC 9068, 2.1. Other types, such as `logout+jwt` and `dpop+jwt`, are
#: signed by the same keys and are no permission to call an API (RFC 8725, 3.11).
ACCESS_TOKEN_TYPES = ("jwt", "at+jwt")


class UserTokens:
    """A verifier of users' tokens, and an issuer if the shared secret is set."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._secret = settings.auth_jwt_secret
        former = settings.auth_jwt_secret_previous if settings.auth_jwt_secret is not None else None
        self._secrets = [secret for secret in (settings.auth_jwt_secret, former) if secret is not None]
        self._jwks_url = settings.auth_jwks_url
        self._issuer = settings.auth_issuer
        self._audience = settings.auth_audience
        self._longest_seconds = settings.max_token_lifetime_seconds
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
            raise BadToken(problem, is_forged=bool(token))
        claims = self._signed_claims(str(token))
        problem = self._claims_problem(claims)
        if problem is not None:
            raise BadToken(problem, is_forged=False)
        ends = datetime.fromtimestamp(claims["exp"], UTC)
        return Principal(user_id=claims["sub"], admin=claims.get("role") == "admin", expires_at=ends)

    def issue(self, user_id: str, admin: bool = False, ttl_seconds: float = DEFAULT_TTL_SECONDS) -> str:
        """Create a token, for the command line and tests. It lives no longer than MAX_TOKEN_LIFETIME_SECONDS.

        Raises: ValueError when the secret is not set or `user_id` is malformed.
        """
        import jwt

        if self._secret is None:
            raise ValueError("AUTH_JWT_SECRET is not set: tokens can be issued here with it, not with AUTH_JWKS_URL")
        if not is_user_id(user_id):
            raise ValueError(f"a user id is 1 to {MAX_USER_ID_LENGTH} printable characters")
        issued_at = int(self._clock.now().timestamp())
        claims: dict[str, Any] = {"sub": user_id, "iat": issued_at}
        claims["exp"] = issued_at + int(min(ttl_seconds, self._longest_seconds))
        extra = {"role": "admin" if admin else None, "iss": self._issuer, "aud": self._audience}
        claims |= {name: value for name, value in extra.items() if value is not None}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def _signed_claims(self, token: str) -> Mapping[str, Any]:
        if self._secret is not None:
            return self._signed_by_secret(token)
        import jwt

        options: Any = SIGNATURE_ONLY
        try:
            _check_type(token)
            key = self._published_keys().key_for(token, PUBLIC_KEY_ALGORITHMS)
            return jwt.decode(token, key, algorithms=PUBLIC_KEY_ALGORITHMS, options=options)
        except (KeysUnavailable, BadToken):
            raise
        except jwt.PyJWKClientConnectionError as error:
            raise KeysUnavailable(f"AUTH_JWKS_URL: {error}") from None
        except Exception as error:
            raise _refusal(error) from None

    def _claims_by_secret(self, token: str) -> Mapping[str, Any]:
        try:
            _check_type(token)
            return self._first_verified(token)
        except BadToken:
            raise
        except Exception as error:
            raise _refusal(error) from None

    def _first_verified(self, token: str) -> Mapping[str, Any]:
        """Verify with the secret, then with its former value.

        Raises: an exception of PyJWT, the one of the last secret.
        """
        import jwt  # 0.14 s of a cold start

        options: Any = SIGNATURE_ONLY
        *others, last = self._secrets
        for secret in others:
            with suppress(jwt.InvalidSignatureError):
                return jwt.decode(token, secret, algorithms=["HS256"], options=options)
        return jwt.decode(token, last, algorithms=["HS256"], options=options)

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
        now = self._clock.now()
        problem = time_problem(claims, now, LEEWAY_SECONDS)
        return problem or lifetime_problem(claims, now, self._longest_seconds, LEEWAY_SECONDS)


def _check_type(token: str) -> None:
    """Check the token's type.

    Raises: BadToken for another one, an exception of PyJWT for an unreadable header.
    """
    import jwt

    header = jwt.get_unverified_header(token)
    kind = header.get("typ", ACCESS_TOKEN_TYPES[0])
    plain = kind.lower().removeprefix("application/") if isinstance(kind, str) else None
    if plain not in ACCESS_TOKEN_TYPES:
        raise BadToken("typ is not JWT or at+jwt, so this is no access token")


def _refusal(error: Exception) -> BadToken:
    """Convert any exception of PyJWT: an untrusted token can cause every kind."""
    return BadToken(str(error)[:200] or type(error).__name__)


def _names(claim: object, audience: str) -> bool:
    return claim == audience or (isinstance(claim, list) and audience in claim)
